/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: a trace event is a function that does nothing. */
#ifndef _LINUX_TRACEPOINT_H
#define _LINUX_TRACEPOINT_H

#include <linux/types.h>

#define TP_PROTO(...) __VA_ARGS__
#define TP_ARGS(...) __VA_ARGS__
#define TP_CONDITION(...) __VA_ARGS__
#define SP_TRACE(name, proto)                                                  \
	static inline void trace_##name(proto)                                 \
	{                                                                      \
	}                                                                      \
	static inline bool trace_##name##_enabled(void)                        \
	{                                                                      \
		return false;                                                  \
	}
#define DECLARE_TRACE(name, proto, args) SP_TRACE(name, PARAMS(proto))
#define TRACE_EVENT(name, proto, args, ...) SP_TRACE(name, PARAMS(proto))
#define TRACE_EVENT_CONDITION(name, proto, args, ...)                          \
	SP_TRACE(name, PARAMS(proto))
#define TRACE_EVENT_FN(name, proto, args, ...) SP_TRACE(name, PARAMS(proto))
#define DECLARE_EVENT_CLASS(name, proto, args, ...)
#define DEFINE_EVENT(class, name, proto, args) SP_TRACE(name, PARAMS(proto))
#define DEFINE_EVENT_CONDITION(class, name, proto, args, condition)            \
	SP_TRACE(name, PARAMS(proto))
#define DEFINE_EVENT_PRINT(class, name, proto, args, print)                    \
	SP_TRACE(name, PARAMS(proto))
#define DEFINE_EVENT_FN(class, name, proto, args, reg, unreg)                  \
	SP_TRACE(name, PARAMS(proto))
#define TRACE_EVENT_FN_COND(name, proto, args, ...)                            \
	SP_TRACE(name, PARAMS(proto))
#define DECLARE_TRACE_CONDITION(name, proto, args, condition)                  \
	SP_TRACE(name, PARAMS(proto))
#define TRACE_EVENT_FLAGS(name, value)
#define PARAMS(...) __VA_ARGS__
#define TRACE_DEFINE_ENUM(x)
#define TRACE_DEFINE_SIZEOF(x)
#define DEFINE_TRACE(name, ...)
#define EXPORT_TRACEPOINT_SYMBOL(name)
#define EXPORT_TRACEPOINT_SYMBOL_GPL(name)

#endif
