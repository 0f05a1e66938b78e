/* SPDX-License-Identifier: GPL-2.0 */
/*
 * table.h - /proc/xshm, and what else shows its lines
 */
#ifndef XSHM_TABLE_H
#define XSHM_TABLE_H

#include <linux/seq_file.h>

#include "xshm.h"

/**
 * struct xshm_table - an open table
 * @ns: the instance of the opener's namespace, with a reference
 * @pid_ns: the opener's, with a reference
 */
struct xshm_table {
	struct xshm_ns *ns;
	struct pid_namespace *pid_ns;
};

/* Position 0 is the headline, n + 1 the segment at index n or after it. */
extern const struct seq_operations xshm_table_seq_ops;

int xshm_table_open(struct file *file, const struct seq_operations *ops, size_t size);
int xshm_table_release(struct inode *inode, struct file *file);

#endif /* XSHM_TABLE_H */
