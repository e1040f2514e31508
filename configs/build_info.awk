# SPDX-License-Identifier: GPL-2.0-or-later
# Writes what `quarbox --build-info` prints as a C string: "LABEL: ITEM, ITEM..." for each label, in 79 columns.
# usage: awk -f build_info.awk, with lines "LABEL<tab>ITEM" on standard input, those of a label together

BEGIN { FS = "\t"; printf "#define BUILD_INFO" }

$1 != label { end_line(); label = $1; line = sprintf("%-11s", label ":"); separator = " " }
$2 == "" { next }
length(line separator $2) > 78 { line = line ","; end_line(); line = sprintf("%-11s", ""); separator = " " }
{ line = line separator $2; separator = ", " }

END { end_line(); print "" }

function end_line() {
	sub(/ +$/, "", line)
	if (line != "")
		printf " \\\n\t\"%s\\n\"", line
}
