# Top-level domains from the Public Suffix List as C initialisers, sorted byte-wise: the last labels
# of all rules in its ICANN section, each once. "*.ck" and "!www.ck" speak of ck.
#
#     LC_ALL=C awk -f tlds_table.awk /usr/share/publicsuffix/public_suffix_list.dat
#
# The list writes international domains in Unicode; their xn-- form needs no table (see links.c).
/BEGIN ICANN DOMAINS/ { icann = 1 }
/END ICANN DOMAINS/ { icann = 0; complete = 1 }
!icann || /^\/\// || NF == 0 { next }
{
    labels = split($1, label, ".")
    name = label[labels]
    sub(/^!/, "", name)
    if (!(name in seen)) { seen[name] = 1; names[++count] = name }
}
END {
    if (!complete || count < 1000) {
        print FILENAME ": this is not the Public Suffix List; a gateway blind to links is not built" > "/dev/stderr"
        exit 1
    }
    for (i = 2; i <= count; i++) {   # insertion sort: POSIX awk has no other
        name = names[i]
        for (k = i - 1; k >= 1 && names[k] > name; k--) names[k + 1] = names[k]
        names[k + 1] = name
    }
    print "static const struct str tld_rows[] = {"
    for (i = 1; i <= count; i++) printf "    STR(\"%s\"),\n", names[i]
    print "};"
}
