# Checks #include lines against layers.txt: awk -f layers.awk layers.txt FILE...
# Paths of files and of includes are relative to the top; src/ is left out of includes.

function module_of(path) {
	sub(/^\.\//, "", path)
	sub(/^src\//, "", path)
	if (path ~ /^agent\/agent\.pb-c\.h$/)
		return "api"
	if (path ~ /^agent\/calls\.h$/)
		return "calls"
	sub(/\/.*/, "", path)
	return path
}

function complain(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad = 1
}

FNR == NR {
	if ($0 ~ /^#/ || NF == 0)
		next
	module = $1
	sub(/:$/, "", module)
	known[module] = 1
	for (i = 2; i <= NF; i++)
		may[module, $i] = 1
	next
}

FNR == 1 {
	from = module_of(FILENAME)
	if (!(from in known))
		complain("module " from " is not in layers.txt")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	header = part[2]
	if (header == "config.h")
		next
	if (header !~ /\// || header ~ /\.\.\//) {
		complain("include \"" header "\" is not written from the root")
		next
	}
	to = module_of(header)
	if (to != from && !((from, to) in may))
		complain(from " must not include " header " of " to)
}

END {
	exit bad
}
