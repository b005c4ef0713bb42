// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading. By which names nf_tables asks for it is in
 * modprobe.d/ct.conf, as with ct_nft.
 */
#include <linux/module.h>
#include "nat.h"

static int __init ct_nft_nat_init(void)
{
	int err;

	err = nft_register_expr(&ct_nft_nat_type);
	if (err)
		return err;
	err = nft_register_expr(&ct_nft_nat_masq_type);
	if (err)
		goto nat;
	err = nft_register_expr(&ct_nft_nat_redir_type);
	if (err)
		goto masq;
	ct_nft_nat_chain_init();
	return 0;
masq:
	nft_unregister_expr(&ct_nft_nat_masq_type);
nat:
	nft_unregister_expr(&ct_nft_nat_type);
	return err;
}

static void __exit ct_nft_nat_exit(void)
{
	ct_nft_nat_chain_exit();
	nft_unregister_expr(&ct_nft_nat_redir_type);
	nft_unregister_expr(&ct_nft_nat_masq_type);
	nft_unregister_expr(&ct_nft_nat_type);
}

module_init(ct_nft_nat_init);
module_exit(ct_nft_nat_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("nftables chains and expressions that translate addresses");
