# SPDX-License-Identifier: GPL-2.0
# Find the first report of a kernel's log: print its kind, then an excerpt.
# Exits with 1 when there is none.

function kind(s) {
	if (s ~ /^BUG: (KASAN|KCSAN|KMSAN|KFENCE)/ || s ~ /^UBSAN: / ||
	    s ~ /^kmemleak: [1-9][0-9]* new suspected/ ||
	    s ~ /^unreferenced object 0x/)
		return "sanitizer"
	if (s ~ /^WARNING: (possible |inconsistent |suspicious RCU|bad unlock|held lock|lock held|.*lock order)/ ||
	    s ~ /^(BUG|\[ BUG): Invalid wait context/ || s ~ /DEBUG_LOCKS_WARN_ON/ ||
	    s ~ /^\[ BUG: / || s ~ /^BUG: .*(lock held|held lock|locks freed)/ ||
	    s ~ /^INFO: (trying to register non-static|possible|suspicious)/)
		return "lockdep"
	if (s ~ /soft lockup|hard LOCKUP/ || s ~ /^rcu: INFO: .*stall/ ||
	    s ~ /^INFO: task .* blocked for more than/)
		return "hang"
	if (s ~ /^BUG[: ]/ || s ~ /^Oops/ || s ~ /^kernel BUG at/ ||
	    s ~ /^Kernel panic/ || s ~ /^general protection fault[,:]/ ||
	    s ~ /^(invalid opcode|stack segment|double fault|int3): / ||
	    s ~ /^PANIC: /)
		return "oops"
	if (s ~ /^WARNING: / || s ~ /^refcount_t: / ||
	    s ~ /^Voluntary context switch within RCU/ ||
	    s ~ /^sysctl (table check failed|duplicate entry)/)
		return "warning"
	return ""
}

{
	text = $0
	sub(/^\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? /, "", text)
}

found && printed < 45 && text !~ /^---\[ end (trace|Kernel panic)/ {
	print "    " $0
	printed++
	next
}

found { exit }

{
	found = kind(text)
	if (found) {
		print found
		if (last ~ /cut here/)
			print "    " last
		print "    " $0
	}
	last = $0
}

END { exit found == "" }
