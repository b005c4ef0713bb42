/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_XT_COMPAT_H
#define _CT_XT_COMPAT_H

/* What differs between kernels, as in ../compat.h. */

#include <linux/skbuff.h>

static inline u32 ct_skb_secmark(const struct sk_buff *skb)
{
#ifdef CONFIG_NETWORK_SECMARK
	return skb->secmark;
#else
	return 0;
#endif
}

static inline void ct_skb_secmark_set(struct sk_buff *skb, u32 secmark)
{
#ifdef CONFIG_NETWORK_SECMARK
	skb->secmark = secmark;
#endif
}

#endif /* _CT_XT_COMPAT_H */
