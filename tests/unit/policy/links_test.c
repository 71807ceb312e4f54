/* Links a phone would let its user tap: found in any disguise, and what is none. */
#include "policy/links.h"

#include "policy/text.h"
#include "test.h"

static struct arena arena;

static int fresh_arena(void **state)
{
    (void)state;
    arena_init(&arena, 8 << 20);
    return 0;
}

static int no_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void begin(struct links *links, struct str text)
{
    struct folded folded;
    assert_true(text_fold(text, &arena, &folded));
    assert_true(links_init(links, folded.text, &arena));
}

/* "host host ..." of all links; "scheme://" in front where there is one. */
static struct str hosts(const char *text)
{
    struct links links;
    struct link link;
    struct str all = STR("");
    begin(&links, str_from(text));
    while (links_next(&links, &link))
        all =
            arena_format(&arena, "%.*s%s%.*s%s%.*s", STR_ARGS(all), all.len ? " " : "",
                         STR_ARGS(link.scheme), link.scheme.len ? "://" : "", STR_ARGS(link.host));
    return all;
}

#define HOSTS(text, expected) EXPECT_STR(hosts(text), expected)

static struct link first(const char *text)
{
    struct links links;
    struct link link = {0};
    begin(&links, str_from(text));
    assert_true(links_next(&links, &link));
    return link;
}

/* ---- with a scheme ---- */

TEST(a_scheme_makes_a_link)
{
    HOSTS("see https://acme.example/a now", "https://acme.example");
    HOSTS("HTTPS://ACME.COM", "https://acme.com");
    HOSTS("hxxp://evil.com", "hxxp://evil.com");
    HOSTS("http://localhost:8080/x", "http://localhost");
    HOSTS("git+ssh://a.b", "git+ssh://a.b");
    HOSTS("x+://host", "x+://host");
    HOSTS("Visit:http://acme.com", "http://acme.com");
    HOSTS("访问http://acme.com", "http://acme.com");
    HOSTS("9http://acme.com", "http://acme.com");
}

TEST(slashes_are_read_as_browsers_read_them)
{
    HOSTS("http:\\\\evil.com", "http://evil.com");
    HOSTS("http:/\\evil.com\\x", "http://evil.com");
    HOSTS("http:///evil.com", "http://evil.com");
    HOSTS("http://evil.com\\@acme.com/", "http://evil.com");
    HOSTS("http：／／evil．com", "http://evil.com");
}

TEST(the_user_is_not_the_host)
{
    HOSTS("http://acme.com@evil.com", "http://evil.com");
    HOSTS("http://acme.com:80@evil.com:8/x", "http://evil.com");
    HOSTS("http://a@acme.com@evil.com", "http://evil.com");
    HOSTS("http://acme.com(x)!@evil.com", "http://evil.com");
    assert_true(first("http://user@evil.com").has_userinfo);
    assert_true(first("http://user:pass@evil.com/").has_userinfo);
    assert_false(first("http://evil.com/@x").has_userinfo);
    assert_false(first("http://evil.com?@x").has_userinfo);
    assert_false(first("http://evil.com#@x").has_userinfo);
    HOSTS("http://evil.com#@acme.com", "http://evil.com");
}

TEST(addresses_in_any_spelling_are_known)
{
    assert_true(first("http://192.168.1.1/").is_address);
    assert_true(first("http://3232235777/").is_address);
    assert_true(first("http://0x7f.1").is_address);
    assert_true(first("http://017700000001").is_address);
    assert_true(first("http://0xC0A80101.").is_address);
    assert_true(first("http://①⑨②.168.1.1").is_address);
    assert_true(first("http://[::1]:80/").is_address);
    EXPECT_STR(first("http://[::1]:80/").host, "::1");
    EXPECT_STR(first("http://[::]/").host, "::");
    EXPECT_STR(first("http://[::1.").host, "[::1");
    assert_false(first("http://acme.com").is_address);
    assert_false(first("http://0x.acme").is_address);
    assert_false(first("http://1.2.3.4.acme.com").is_address);
}

TEST(international_hosts_are_known)
{
    assert_true(first("http://bücher.example").is_international);
    assert_true(first("http://xn--bcher-kva.example").is_international);
    assert_true(first("http://shop.XN--p1ai").is_international);
    assert_true(first("раураl.com").is_international);
    assert_false(first("http://acme.com/ü").is_international);
    assert_false(first("http://axn--b.com").is_international);
    assert_false(first("http://acme。com").is_international);
}

TEST(marks_of_the_sentence_are_not_the_links)
{
    EXPECT_STR(first("(http://acme.com)").host, "acme.com");
    EXPECT_STR(first("“http://acme.com”").host, "acme.com");
    EXPECT_STR(first("http://acme.com.").host, "acme.com");
    EXPECT_STR(first("http://acme.com!").host, "acme.com");
    EXPECT_STR(first("http://acme.com。").host, "acme.com");
    EXPECT_STR(first("<http://acme.com>").host, "acme.com");
    EXPECT_STR(first("http://acme.com:80, and").host, "acme.com");
    EXPECT_STR(first("see http://acme.com/a/b?c=d#e. Now").whole, "http://acme.com/a/b?c=d#e");
    EXPECT_STR(first("http://u@acme.com:80/x").whole, "http://u@acme.com:80/x");
}

TEST(what_a_browser_takes_for_the_host_is_the_host)
{
    HOSTS("http://acme.com,evil.com/", "http://acme.com,evil.com");
    HOSTS("http://acme.com–x.evil.com/", "http://acme.com–x.evil.com");
    HOSTS("http://%65vil.com/", "http://%65vil.com");
    HOSTS("http://a_b.acme.com/", "http://a_b.acme.com");
}

TEST(a_link_in_a_link_counts)
{
    HOSTS("http://acme.com/?u=http://evil.com", "http://acme.com http://evil.com");
    HOSTS("http://https://evil.com", "https://evil.com");
    HOSTS("http://acme.com/http://u@evil.com", "http://acme.com http://evil.com");
    HOSTS("acme.com/a,bit.ly/x", "acme.com bit.ly");
    HOSTS("acme.com/a。evil.com", "acme.com evil.com");
    HOSTS("http://acme.com:evil.com", "http://acme.com evil.com");
    HOSTS("acme.com:80evil.com", "acme.com evil.com");
}

TEST(a_scheme_alone_is_nothing)
{
    HOSTS("http:// acme", "");
    HOSTS("http://", "");
    HOSTS("http://@/", "");
    HOSTS("://localhost", "");
    HOSTS("1://localhost", "");
    HOSTS("http:/", "");
    HOSTS("tel:+1555123456, mailto:x, tel", "");
}

/* ---- without ---- */

TEST(bare_domains_are_links)
{
    HOSTS("bit.ly/abc", "bit.ly");
    HOSTS("Get it at acme.com today", "acme.com");
    HOSTS("go.acme.com.", "go.acme.com");
    HOSTS("a.acme.co.uk:8080/x", "a.acme.co.uk");
    HOSTS("acme.com?x=1", "acme.com");
    HOSTS("done.It", "done.it"); /* phones think so, too */
    HOSTS("магазин.рф", "магазин.рф");
    HOSTS("shop.xn--p1ai", "shop.xn--p1ai");
    HOSTS("दुकान.भारत", "दुकान.भारत");
    HOSTS("i❤️.ws/abc", "i❤.ws");
    HOSTS("see 😀.ws", "😀.ws");
    HOSTS("acme.com😀.ws", "acme.com😀.ws");
    EXPECT_STR(first("Acme.com/A?b. So").whole, "acme.com/a?b");
    assert_int_equal(first("acme.com").scheme.len, 0);
}

TEST(nothing_in_front_hides_a_domain)
{
    HOSTS("Visit:acme.com", "acme.com");
    HOSTS("(acme.com)", "acme.com");
    HOSTS("a,bit.ly/x", "bit.ly");
    HOSTS("_acme.com_ *bit.ly*", "acme.com bit.ly");
    HOSTS("...acme.com", "acme.com");
    HOSTS("-acme.com", "acme.com");
    HOSTS("us…acme.com", "acme.com");
    HOSTS("👉acme.com👈", "acme.com");
    HOSTS("@acme.com", "acme.com");
    HOSTS(" @ acme.com", "acme.com");
    HOSTS("acme.com://", "acme.com");
}

TEST(nothing_behind_hides_a_domain)
{
    HOSTS("acme.com.Thanks", "acme.com");
    HOSTS("acme.com-Offer", "acme.com");
    HOSTS("acme.com查看", "acme.com");
    HOSTS("acme.com。谢谢", "acme.com");
    HOSTS("acme.com..bit.ly", "acme.com bit.ly");
    HOSTS("acme.com_x", "acme.com");
    HOSTS("bit.ly@x", "bit.ly");
    HOSTS("bit.ly@ home", "bit.ly");
    HOSTS("bit.ly@x.9 bit.ly@x.y bit.ly@x.nonsense", "bit.ly bit.ly bit.ly");
    HOSTS("acme.com-evil.com", "acme.com-evil.com");
    HOSTS("acme.com.evil.com", "acme.com.evil.com");
}

TEST(disguises_are_seen_through)
{
    HOSTS("ｂｉｔ．ｌｙ/abc", "bit.ly");
    HOSTS("bit。ly/x", "bit.ly");
    HOSTS("bit｡ly/x", "bit.ly");
    HOSTS("bi\u200bt.ly/x", "bit.ly");
    HOSTS("b\u00adit.\u2060ly", "bit.ly");
    HOSTS("ⓑⓘⓣ.ⓛⓨ", "bit.ly");
    HOSTS("bit․ly", "bit.ly");
    HOSTS("bit。ly, acme。com and www。x", "bit.ly acme.com www.x");
}

TEST(www_is_a_link_whatever_follows)
{
    HOSTS("www.acme", "www.acme");
    HOSTS("WWW.acme.example/x", "www.acme.example");
    HOSTS("www. acme", "");
    HOSTS("wwwx.acme", "");
    HOSTS("www", "");
}

TEST(dotted_addresses_are_links)
{
    HOSTS("192.168.1.1/x", "192.168.1.1");
    HOSTS("at 10.0.0.1.", "10.0.0.1");
    HOSTS("10.0.0.1.Thanks", "10.0.0.1");
    assert_true(first("192.168.1.1").is_address);
    HOSTS("1.2.3.4.5", "");
    HOSTS("1.2.3", "");
    HOSTS("256.1.1.1", "");
    HOSTS("1.1.1.0001", "");
}

TEST(email_addresses_are_no_links)
{
    HOSTS("help@acme.com", "");
    HOSTS("first.last+x@mail.acme.com.", "");
    HOSTS("_@acme.com", "");
    HOSTS("acme.com@mail.acme.com", "");
    HOSTS("mailto:help@acme.com", "");
    HOSTS("помощь@acme.com", "");
}

TEST(ordinary_text_has_no_links)
{
    HOSTS("done.Please call", "");
    HOSTS("3.50", "");
    HOSTS("v1.2.3", "");
    HOSTS("e.g. this", "");
    HOSTS("U.S.A.", "");
    HOSTS("Rs.500", "");
    HOSTS("com", "");
    HOSTS(".com", "");
    HOSTS("acme..com", "");
    HOSTS("", "");
    HOSTS("你好。谢谢。再见", "");
    HOSTS("9:00-17:00, 1/2, a/b", "");
}

TEST(a_full_arena_is_told)
{
    struct links links;
    struct arena small;
    arena_init(&small, 8);
    assert_true(links_init(&links, STR("bit.ly/a-longer-text"), &small));
    assert_false(links_init(&links, STR("bit。ly/a-longer-text"), &small));
    arena_release(&small);
}

TEST(hostile_texts_take_no_time)
{
    static const char *const pieces[] = {"a.",   "a",         "http://",  "a@",    "a://",
                                         "a+",   ".",         "://",      "a.b@c", "。",
                                         "www.", "http://a@", "1.1.1.1.", "a:"};
    enum { SIZE = 256 * 1024 };
    char *text = malloc(SIZE);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct links links;
        struct link link;
        size_t len = strlen(pieces[i]), filled = 0, count = 0;
        for (; filled + len <= SIZE; filled += len)
            memcpy(text + filled, pieces[i], len);
        begin(&links, (struct str){text, filled});
        while (links_next(&links, &link))
            count++;
        assert_true(count <= filled / 3);
        arena_reset(&arena);
    }
    free(text);
}

/* ---- what hosts are ---- */

TEST(shorteners_are_known)
{
    assert_true(link_is_shortener(STR("bit.ly")));
    assert_true(link_is_shortener(STR("promo.bit.ly")));
    assert_true(link_is_shortener(STR("tinyurl.com")));
    assert_false(link_is_shortener(STR("abit.ly")));
    assert_false(link_is_shortener(STR("bit.ly.com")));
    assert_false(link_is_shortener(STR("ly")));
    assert_false(link_is_shortener(STR("")));
}

TEST(hosts_in_which_phones_may_end_a_link_are_told)
{
    static const char *const plain[] = {"acme.com", "a-b.acme.com", "1.acme.com", "bücher.acme.com",
                                        "xn--a.acme.com"};
    static const char *const others[] = {
        "evil.com,.acme.com",   "evil.com..acme.com", "evil.com-.acme.com",
        "evil.com.-a.acme.com", "evil.com_.acme.com", "evil.com%.acme.com",
        "evil.com–.acme.com",   "evil.com❤.acme.com", ".acme.com"};
    char long_label[64 + sizeof(".acme.com")];
    memset(long_label, 'a', 64);
    memcpy(long_label + 64, ".acme.com", sizeof(".acme.com"));
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        assert_true(link_host_is_plain(str_from(plain[i])));
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(link_host_is_plain(str_from(others[i])));
    assert_false(link_host_is_plain(str_from(long_label)));
    assert_true(link_host_is_plain(str_from(long_label + 1)));
}

#define WITH_ARENA(name) cmocka_unit_test_setup_teardown(name, fresh_arena, no_arena)

TESTS(WITH_ARENA(a_scheme_makes_a_link), WITH_ARENA(slashes_are_read_as_browsers_read_them),
      WITH_ARENA(the_user_is_not_the_host), WITH_ARENA(addresses_in_any_spelling_are_known),
      WITH_ARENA(international_hosts_are_known),
      WITH_ARENA(marks_of_the_sentence_are_not_the_links),
      WITH_ARENA(what_a_browser_takes_for_the_host_is_the_host),
      WITH_ARENA(a_link_in_a_link_counts), WITH_ARENA(a_scheme_alone_is_nothing),
      WITH_ARENA(bare_domains_are_links), WITH_ARENA(nothing_in_front_hides_a_domain),
      WITH_ARENA(nothing_behind_hides_a_domain), WITH_ARENA(disguises_are_seen_through),
      WITH_ARENA(www_is_a_link_whatever_follows), WITH_ARENA(dotted_addresses_are_links),
      WITH_ARENA(email_addresses_are_no_links), WITH_ARENA(ordinary_text_has_no_links),
      WITH_ARENA(a_full_arena_is_told), WITH_ARENA(hostile_texts_take_no_time),
      UNIT(shorteners_are_known), UNIT(hosts_in_which_phones_may_end_a_link_are_told))
