#pragma once
// Creating an index that was advised, because an administrator said so: CONCURRENTLY, on a connection of its own, from a thread
// that waits for it. What a failed attempt leaves behind is removed, before and after.

#include <atomic>
#include <functional>
#include <string>

#include "analyzer/index_shape.h"
#include "base/clock.h"
#include "base/result.h"
#include "wire/pg_client.h"

namespace pooler {

// Longer than any index takes; a server that is gone without a word is noticed by TCP's keepalive long before.
inline constexpr base::Duration kIndexBuildMax = std::chrono::hours(24);

// Ok once there is a valid index of that shape's name. PostgreSQL's own error otherwise; 42P07 if there was an index of that name
// before, 55006 if somebody else is building it, 57P01 when `stopping` becomes true, which is looked at several times a second
// (PostgreSQL may finish the index all the same). `progress` is told what pg_stat_progress_create_index says, on this thread.
base::Status build_index(wire::Resolver& resolver, const wire::PgClientSettings& settings, const analyzer::IndexShape& shape,
                         const std::function<void(std::string)>& progress, const std::atomic<bool>& stopping);

}  // namespace pooler
