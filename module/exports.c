// SPDX-License-Identifier: GPL-2.0
/*
 * exports.c - what the door of the system calls, xshm_sysv.ko, uses of the core
 */
#include <linux/export.h>
#include <linux/module.h>

#include "compat.h"
#include "table.h"

XSHM_EXPORT(xshm_serve);
XSHM_EXPORT(xshm_ns_serve);
XSHM_EXPORT(xshm_ns_find);
XSHM_EXPORT(xshm_ns_get_served);
XSHM_EXPORT(xshm_ns_enter);
XSHM_EXPORT(xshm_ns_put);
XSHM_EXPORT(xshm_ns_get);
XSHM_EXPORT(xshm_rmid_forced_changed);
XSHM_EXPORT(xshm_client_create);
XSHM_EXPORT(xshm_client_put);
XSHM_EXPORT(xshm_client_end_task);
XSHM_EXPORT(xshm_may_access_wanted);
XSHM_EXPORT(xshm_make);
XSHM_EXPORT(xshm_attach);
XSHM_EXPORT(xshm_detach);
XSHM_EXPORT(xshm_stat);
XSHM_EXPORT(xshm_set);
XSHM_EXPORT(xshm_made_by_calls);
XSHM_EXPORT(xshm_segment_remove);
XSHM_EXPORT(xshm_lock);
XSHM_EXPORT(xshm_unlock);
XSHM_EXPORT(xshm_sum_up);
XSHM_EXPORT(xshm_ids_highest_index);
XSHM_EXPORT(xshm_table_open);
XSHM_EXPORT(xshm_table_release);
XSHM_EXPORT(xshm_table_seq_ops);
XSHM_EXPORT(xshm_sysctl_register_kernel);
XSHM_EXPORT(xshm_sysctl_unregister_kernel);
