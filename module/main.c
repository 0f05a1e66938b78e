// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - how the module starts and ends
 */
#include <linux/module.h>

#include "xshm.h"

static int __init xshm_init(void)
{
	int err;

	err = xshm_credentials_init();
	if (err)
		return err;
	err = xshm_backing_init();
	if (err)
		goto err_credentials;
	err = xshm_ends_init();
	if (err)
		goto err_backing;
	err = xshm_sysctl_init();
	if (err)
		goto err_ends;
	err = xshm_table_init();
	if (err)
		goto err_sysctl;
	err = xshm_device_init();
	if (err)
		goto err_table;
	return 0;

err_table:
	xshm_table_exit();
err_sysctl:
	xshm_sysctl_exit();
err_ends:
	xshm_ends_exit();
err_backing:
	xshm_backing_exit();
err_credentials:
	xshm_credentials_exit();
	return err;
}

static void __exit xshm_exit(void)
{
	xshm_device_exit();
	xshm_table_exit();
	xshm_sysctl_exit();
	xshm_ends_exit();
	xshm_backing_exit();
	xshm_credentials_exit();
}

module_init(xshm_init);
module_exit(xshm_exit);

MODULE_DESCRIPTION("System V shared memory on /dev/xshm");
MODULE_AUTHOR("The xshm authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(XSHM_RELEASE);
