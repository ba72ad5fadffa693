# No function above 100 lines, no file above 1000: awk -f sizes.awk FILE...

FNR == 1 && NR > 1 && last > 1000 {
	printf "%s: %d lines, too long for a file\n", name, last
	bad = 1
}

{
	name = FILENAME
	last = FNR
}

/^[a-z].*\(/ {
	head = $0
}

/^\{/ {
	start = FNR
}

/^\}$/ && start {
	if (FNR - start > 100) {
		printf "%s:%d: %d lines, too long for a function: %s\n", FILENAME, start, FNR - start, head
		bad = 1
	}
	start = 0
}

END {
	if (last > 1000) {
		printf "%s: %d lines, too long for a file\n", name, last
		bad = 1
	}
	exit bad
}
