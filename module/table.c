// SPDX-License-Identifier: GPL-2.0
/*
 * table.c - /proc/xshm, in the format of /proc/sysvipc/shm
 *
 * It shows the segments of the IPC namespace of who opened it, with user and
 * process ids as the opener's namespaces have them.
 */
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>

#include "table.h"

/* Position 0 is the headline, n + 1 the segment at index n or after it. */
static void *xshm_table_find(struct xshm_table *table, loff_t *pos)
{
	struct xshm_segment *segment;
	u32 index;

	if (*pos > XSHM_INDEX_COUNT)
		return NULL;
	index = *pos - 1;
	segment = xshm_ids_next(table->ns, &index);
	if (segment)
		*pos = index + 1;
	return segment;
}

static void *xshm_table_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return *pos ? xshm_table_find(seq->private, pos) : SEQ_START_TOKEN;
}

static void *xshm_table_next(struct seq_file *seq, void *entry, loff_t *pos)
{
	++*pos;
	return xshm_table_find(seq->private, pos);
}

static void xshm_table_stop(struct seq_file *seq, void *entry)
	__releases(RCU)
{
	rcu_read_unlock();
}

static int xshm_table_show(struct seq_file *seq, void *entry)
{
	struct user_namespace *user_ns = seq_user_ns(seq);
	struct xshm_table *table = seq->private;
	struct xshm_segment *segment = entry;
	struct xshm_pages pages = { };
	struct xshm_status status;
	bool dead;

	if (entry == SEQ_START_TOKEN) {
		seq_printf(seq, "%10s %10s %s %21s %5s %5s %s %5s %5s %5s %5s %10s %10s %10s %21s %21s\n",
			   "key", "shmid", "perms", "size", "cpid", "lpid", "nattch", "uid", "gid",
			   "cuid", "cgid", "atime", "dtime", "ctime", "rss", "swap");
		return 0;
	}

	spin_lock(&segment->lock);
	dead = segment->dead;
	if (!dead) {
		xshm_segment_status(segment, table->pid_ns, &status);
		xshm_backing_count(segment, &pages);
	}
	spin_unlock(&segment->lock);
	if (dead)
		return 0;

	seq_printf(seq, "%10d %10d  %4o %21zu %5u %5u  %5lu %5u %5u %5u %5u %10lld %10lld %10lld %21lu %21lu\n",
		   status.key, status.id, status.mode, status.bytes, status.cpid, status.lpid,
		   status.nattch, from_kuid_munged(user_ns, status.uid),
		   from_kgid_munged(user_ns, status.gid), from_kuid_munged(user_ns, status.cuid),
		   from_kgid_munged(user_ns, status.cgid), status.atime, status.dtime,
		   status.ctime, pages.resident * PAGE_SIZE, pages.swapped * PAGE_SIZE);
	return 0;
}

const struct seq_operations xshm_table_seq_ops = {
	.start = xshm_table_start,
	.next = xshm_table_next,
	.stop = xshm_table_stop,
	.show = xshm_table_show,
};

/**
 * xshm_table_open - open the table of the caller's namespace
 * @file: the file
 * @ops: xshm_table_seq_ops, or what uses them
 * @size: of the private structure, which begins with a struct xshm_table
 *
 * Return: 0, -ENOMEM, or what xshm_ns_enter() says.
 */
int xshm_table_open(struct file *file, const struct seq_operations *ops, size_t size)
{
	struct xshm_table *table;
	struct xshm_ns *ns;

	ns = xshm_ns_enter();
	if (IS_ERR(ns))
		return PTR_ERR(ns);
	table = __seq_open_private(file, ops, size);
	if (!table) {
		xshm_ns_put(ns);
		return -ENOMEM;
	}
	table->ns = ns;
	table->pid_ns = get_pid_ns(task_active_pid_ns(current));
	return 0;
}

int xshm_table_release(struct inode *inode, struct file *file)
{
	struct seq_file *seq = file->private_data;
	struct xshm_table *table = seq->private;

	xshm_ns_put(table->ns);
	put_pid_ns(table->pid_ns);
	return seq_release_private(inode, file);
}

static int xshm_table_proc_open(struct inode *inode, struct file *file)
{
	return xshm_table_open(file, &xshm_table_seq_ops, sizeof(struct xshm_table));
}

static const struct proc_ops xshm_table_proc_ops = {
	.proc_open = xshm_table_proc_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = xshm_table_release,
};

int __init xshm_table_init(void)
{
	return proc_create("xshm", 0444, NULL, &xshm_table_proc_ops) ? 0 : -ENOMEM;
}

void xshm_table_exit(void)
{
	remove_proc_entry("xshm", NULL);
}
