# Time zone names and links from tzdata's compact form (tzdata.zi) as C initialisers, sorted by
# name. "Z name ..." begins a zone, "L target name" makes a link; a link may lead to a link.
#
#     LC_ALL=C awk -f zones_table.awk /usr/share/zoneinfo/tzdata.zi
#
# Left out: names that are no places and mean different things to different people. EST is not
# New York (it has no summer time), IST is three countries' time, CET is a rule rather than a clock.
#
# Etc/GMT+5 and its like stay, though their sign reads backwards (it is five hours *behind* UTC):
# they are zones by IANA's book, so calling them unknown would be untrue. Whether anybody may use
# them is the business of a policy's `timezones`.
BEGIN {
    split("EST MST HST EST5EDT CST6CDT MST7MDT PST8PDT WET CET MET EET Factory posixrules localtime",
          list, " ")
    for (i in list) ambiguous[list[i]] = 1
}
/^# version / { version = $3 }
$1 == "Z" && !($2 in ambiguous) { target[$2] = $2 }
$1 == "L" && !($3 in ambiguous) { target[$3] = $2 }
END {
    count = 0
    for (name in target) {
        final = target[name]
        while (final in target && target[final] != final) final = target[final]
        if (!(final in target)) continue   # leads to a name left out
        names[++count] = name; finals[name] = final
    }
    if (version == "" || count == 0) {
        print FILENAME ": this is not tzdata.zi; a gateway without time zones is not built" > "/dev/stderr"
        exit 1
    }
    for (i = 2; i <= count; i++) {   # insertion sort: POSIX awk has no other
        name = names[i]
        for (k = i - 1; k >= 1 && names[k] > name; k--) names[k + 1] = names[k]
        names[k + 1] = name
    }
    printf "#define ZONES_VERSION \"%s\"\n", version
    print "static const struct zone zone_rows[] = {"
    for (i = 1; i <= count; i++) printf "    {STR(\"%s\"), STR(\"%s\")},\n", names[i], finals[names[i]]
    print "};"
}
