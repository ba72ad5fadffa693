# Looks for cycles of includes between files: awk -f cycles.awk [exempt=FOLDERS.txt] FILE...
# Paths of files and of includes are relative to the top; src/ is left out of includes.
#
# What stands and falls together is one node: a.c with a.h, both with a_own.h, and a .c file that has
# no header of its own with the header that declares its functions. A node depends on those whose
# headers its files include. Each cycle is printed once: its nodes, and for each step the line that
# makes it one.

function folder_of(path) {
	sub(/\/[^\/]*$/, "", path)
	return path
}

function stem_of(path) {
	sub(/\.[ch]$/, "", path)
	sub(/_own$/, "", path)
	return path
}

function is_exempt(path) {
	while (sub(/\/[^\/]*$/, "", path))
		if (path in exempted)
			return 1
	return 0
}

# The name of the function that a line declares or defines, or "".
function function_in(line) {
	if (!match(line, /[a-z_][a-z0-9_]*\(/))
		return ""
	return substr(line, RSTART, RLENGTH - 1)
}

BEGIN {
	for (i = 1; i < ARGC; i++) {
		if (ARGV[i] ~ /^exempt=/) {
			list = substr(ARGV[i], 8)
			while ((getline folder <list) > 0)
				if (folder !~ /^#/ && folder != "")
					exempted[folder] = 1
			ARGV[i] = ""
		} else {
			there[ARGV[i]] = 1
		}
	}
}

FNR == 1 {
	skip = is_exempt(FILENAME)
	header = FILENAME ~ /\.h$/
	own = stem_of(FILENAME)
	alone = !header && !((own ".h") in there) && !((own "_own.h") in there)
	if (!skip)
		files[++file_count] = FILENAME
}

skip {
	next
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	to = part[2] in there ? part[2] : "src/" part[2]
	if (to in there && !is_exempt(to)) {
		include_from[++include_count] = FILENAME
		include_to[include_count] = to
		include_at[include_count] = FILENAME ":" FNR ": " $0
	}
	next
}

# A declaration may begin in the line before.
header && /^[a-z].*\(|^\t[a-z_]+\(/ {
	name = function_in($0)
	if (name != "" && !(name in declared))
		declared[name] = FILENAME
}

alone && /^[a-z].*\(/ && !/^static/ && !/;$/ {
	name = function_in($0)
	if (name != "")
		defines[FILENAME] = defines[FILENAME] " " name
}

# Which node a file is of.
function node_of(file, names, n, i) {
	n = split(defines[file], names, " ")
	for (i = 1; i <= n; i++)
		if (names[i] in declared && folder_of(declared[names[i]]) == folder_of(file))
			return stem_of(declared[names[i]])
	return stem_of(file)
}

function complain(from, i, at) {
	for (at = 1; path[at] != from; at++)
		;
	printf "a cycle of includes:"
	for (i = at; i <= depth; i++)
		printf " %s ->", path[i]
	print " " from
	for (i = at; i <= depth; i++)
		print "    " because[path[i], i < depth ? path[i + 1] : from]
	bad = 1
}

# state: 1 on the path, 2 done.
function visit(node, n, targets, i) {
	state[node] = 1
	path[++depth] = node
	n = split(edges[node], targets, " ")
	for (i = 1; i <= n; i++) {
		if (state[targets[i]] == 1)
			complain(targets[i])
		else if (!state[targets[i]])
			visit(targets[i])
	}
	depth--
	state[node] = 2
}

END {
	for (i = 1; i <= include_count; i++) {
		from = node_of(include_from[i])
		to = node_of(include_to[i])
		if (from == to || (from, to) in because)
			continue
		because[from, to] = include_at[i]
		edges[from] = edges[from] " " to
	}
	for (i = 1; i <= file_count; i++) {
		node = node_of(files[i])
		if (!state[node])
			visit(node)
	}
	exit bad
}
