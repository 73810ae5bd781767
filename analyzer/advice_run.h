#pragma once
// One look at one database: from its workload to advice. All that it knows comes from the workload and from the answers of
// an Asker; it has no clock and no memory of the look before.

#include "analyzer/advice.h"
#include "analyzer/advice_measure.h"
#include "base/result.h"

namespace analyzer {

// An error where PostgreSQL cannot be asked at all. What goes wrong with one statement is left out, and noted.
base::Result<AdviceResult> advise(const Workload& workload, const AdviceLimits& limits, Asker& asker, Asker& planner);

}  // namespace analyzer
