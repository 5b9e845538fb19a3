// Patterns of objects as graphs: broadcast, shuffle, allreduce, spill, hot, chain.
#pragma once

#include "runtime/common/random.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// broadcast: the driver puts one object, every consumer takes it (one per node: bound to that node).
// shuffle: each map makes one object for each reduce; a reduce takes its object of every map.
// allreduce: `width` values are combined `fan_in` at a time to one, which `width` readers take.
// spill: all objects are made before the first is read; then each is read in turn, `readers` times round.
// hot: readers take one object each, drawn from `random` by Zipf's law.
// chain: each link takes the object of the one before.
DagSpec ExpandPattern(const PatternSpec& spec, Random& random);

}  // namespace orrery
