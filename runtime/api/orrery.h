// The public API of Orrery in one header.
//
//   int square(int x) { return x * x; }
//   int main(int argc, char** argv) {
//     return orrery::main(argc, argv, [](orrery::Session&) {
//       std::vector<orrery::Ref<int>> refs;
//       for (int i = 0; i < 4; ++i) refs.push_back(orrery::remote<&square>(i));
//       for (int value : orrery::get(refs)) std::cout << value << ' ';
//     });
//   }
#pragma once

#include "runtime/api/actor.h"    // IWYU pragma: export
#include "runtime/api/actor_pool.h"  // IWYU pragma: export
#include "runtime/api/codec.h"    // IWYU pragma: export
#include "runtime/api/context.h"  // IWYU pragma: export
#include "runtime/api/errors.h"   // IWYU pragma: export
#include "runtime/api/generator.h"  // IWYU pragma: export
#include "runtime/api/get.h"      // IWYU pragma: export
#include "runtime/api/options.h"  // IWYU pragma: export
#include "runtime/api/placement_group.h"  // IWYU pragma: export
#include "runtime/api/queue.h"    // IWYU pragma: export
#include "runtime/api/ref.h"      // IWYU pragma: export
#include "runtime/api/session.h"  // IWYU pragma: export
#include "runtime/api/task.h"     // IWYU pragma: export
