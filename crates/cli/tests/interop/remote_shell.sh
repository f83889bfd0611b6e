# A remote shell that stays at home: HOST COMMAND..., and like the real ones it gives the words of the
# command, joined by spaces, to a shell.
shift
exec sh -c "$*"
