# Takes comments and the text of strings out of C, keeping the lines: what is left is code. Prints
# FILE:LINE:code. awk -f code.awk FILE...

FNR == 1 {
	in_comment = 0
}

{
	out = ""
	rest = $0
	while (rest != "") {
		if (in_comment) {
			end = index(rest, "*/")
			if (!end)
				break
			rest = substr(rest, end + 2)
			in_comment = 0
			continue
		}
		if (!match(rest, /\/\*|\/\/|"|'/)) {
			out = out rest
			break
		}
		mark = substr(rest, RSTART, RLENGTH)
		out = out substr(rest, 1, RSTART - 1)
		rest = substr(rest, RSTART + RLENGTH)
		if (mark == "//")
			break
		if (mark == "/*") {
			in_comment = 1
			continue
		}
		# A string or character: up to the next such mark that no backslash hides.
		if (mark == "\"")
			match(rest, /^([^"\\]|\\.)*"/)
		else
			match(rest, /^([^'\\]|\\.)*'/)
		out = out mark mark
		rest = RSTART ? substr(rest, RSTART + RLENGTH) : ""
	}
	printf "%s:%d:%s\n", FILENAME, FNR, out
}
