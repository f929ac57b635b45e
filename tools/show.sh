# For scripts that show what they do.

# show PROGRAM ARGUMENTS...: prints a command such that a shell takes it back.
show() {
	line='$'
	for word; do
		case $word in
		'' | *[!A-Za-z0-9_./:=@%+,-]*) word="'$(printf %s "$word" | sed "s/'/'\\\\''/g")'" ;;
		esac
		line="$line $word"
	done
	printf '%s\n' "$line"
}
