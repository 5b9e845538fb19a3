// What the user of a job says of its importance.
#pragma once

#include <compare>
#include <cstdint>

#include "runtime/common/fixed_point.h"

namespace orrery {

// Heeded where the cluster's setting job_scheduling is not fifo.
struct JobTerms {
  int32_t priority = 0;                      // higher goes first
  FixedPoint weight = FixedPoint::Whole(1);  // above 0. fair_share: a job of weight 2 gets twice what one of 1 gets
  auto operator<=>(const JobTerms&) const = default;
};

}  // namespace orrery
