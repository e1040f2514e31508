# SPDX-License-Identifier: GPL-2.0-or-later
# Makes config.h: awk -f config_header.awk KCONFIG_FILE... values=1 .config
#
# Every symbol that a Kconfig file declares is defined, bools as 0 or 1, so that C
# code can say `if (CONFIG_X)` and have both branches checked. A .config that was
# edited by hand may lack what its symbols select: that is an error here, because it
# would be a riddle at link time.

function on(symbol) { return (symbol in value) && value[symbol] == "y" }

!values && /^(menu)?config[ \t]/ {
	symbol = $2
	if (!(symbol in type))
		order[++count] = symbol
	type[symbol] = type[symbol] ""
	in_help = 0
	next
}
!values && ($1 == "help" || $1 == "---help---") && NF == 1 { in_help = 1 }
!values && /^(if|endif|menu|endmenu|comment|source|choice|endchoice|mainmenu)([ \t]|$)/ { symbol = "" }
!values && !in_help && symbol != "" {
	if ($1 ~ /^(bool|string|int|hex)$/)
		type[symbol] = $1
	else if ($1 == "def_bool")
		type[symbol] = "bool"
	else if ($1 == "select" && NF == 2)
		selects[symbol] = selects[symbol] " " $2
}

values && /^CONFIG_[A-Za-z0-9_]+=/ {
	equals = index($0, "=")
	value[substr($0, 8, equals - 8)] = substr($0, equals + 1)
}

END {
	for (i = 1; i <= count; i++) {
		symbol = order[i]
		if (!on(symbol))
			continue
		n = split(selects[symbol], needs, " ")
		for (j = 1; j <= n; j++) {
			if (on(needs[j]))
				continue
			printf "%s selects %s, which the .config lacks: run `make olddefconfig'\n",
				symbol, needs[j] | "cat 1>&2"
			exit 1
		}
	}
	for (i = 1; i <= count; i++) {
		symbol = order[i]
		if (type[symbol] == "bool")
			text = on(symbol)
		else if (type[symbol] == "string")
			text = symbol in value ? value[symbol] : "\"\""
		else
			text = symbol in value ? value[symbol] : 0
		print "#define CONFIG_" symbol " " text
	}
}
