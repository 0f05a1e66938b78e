/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trace.h - tracepoints, under events/xshm in tracefs
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xshm

#if !defined(XSHM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define XSHM_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(xshm_create,
	TP_PROTO(int id, int key, size_t bytes),
	TP_ARGS(id, key, bytes),
	TP_STRUCT__entry(
		__field(int, id)
		__field(int, key)
		__field(size_t, bytes)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->key = key;
		__entry->bytes = bytes;
	),
	TP_printk("id=%d key=0x%08x bytes=%zu", __entry->id, __entry->key, __entry->bytes)
);

TRACE_EVENT(xshm_destroy,
	TP_PROTO(int id, size_t bytes),
	TP_ARGS(id, bytes),
	TP_STRUCT__entry(
		__field(int, id)
		__field(size_t, bytes)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->bytes = bytes;
	),
	TP_printk("id=%d bytes=%zu", __entry->id, __entry->bytes)
);

/* A mapping more or less: by attach and detach, but also by fork, split and exit. */
DECLARE_EVENT_CLASS(xshm_mapping_event,
	TP_PROTO(int id, unsigned long nattch),
	TP_ARGS(id, nattch),
	TP_STRUCT__entry(
		__field(int, id)
		__field(unsigned long, nattch)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->nattch = nattch;
	),
	TP_printk("id=%d nattch=%lu", __entry->id, __entry->nattch)
);

DEFINE_EVENT(xshm_mapping_event, xshm_map,
	TP_PROTO(int id, unsigned long nattch),
	TP_ARGS(id, nattch)
);

DEFINE_EVENT(xshm_mapping_event, xshm_unmap,
	TP_PROTO(int id, unsigned long nattch),
	TP_ARGS(id, nattch)
);

/* The end of a creator, client or namespace was looked into. */
TRACE_EVENT(xshm_reap,
	TP_PROTO(unsigned int looked, unsigned int ended),
	TP_ARGS(looked, ended),
	TP_STRUCT__entry(
		__field(unsigned int, looked)
		__field(unsigned int, ended)
	),
	TP_fast_assign(
		__entry->looked = looked;
		__entry->ended = ended;
	),
	TP_printk("looked=%u ended=%u", __entry->looked, __entry->ended)
);

/* Pages of a segment that was unlocked were looked at, to be evicted again. */
TRACE_EVENT(xshm_evictable,
	TP_PROTO(int id, unsigned long folios),
	TP_ARGS(id, folios),
	TP_STRUCT__entry(
		__field(int, id)
		__field(unsigned long, folios)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->folios = folios;
	),
	TP_printk("id=%d folios=%lu", __entry->id, __entry->folios)
);

#endif /* XSHM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
