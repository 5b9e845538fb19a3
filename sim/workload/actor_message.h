// A planned actor in the words of the messages; for both worlds.
#pragma once

#include "sim/workload/source.h"

namespace orrery {

namespace msg {
class ActorSpec;
}  // namespace msg

// `placement`: what the actor asks for, with the ids of its world.
void FillActor(const PlannedTask& task, const SchedulingRequest& placement, msg::ActorSpec& spec);

}  // namespace orrery
