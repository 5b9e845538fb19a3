// `--set key.path=value`. Internal to sim/scenario.
#pragma once

#include <string>

#include "runtime/common/status.h"
#include "runtime/config/document.h"

namespace orrery {

// Puts a value, itself YAML ("5", "[1, 2]", "{kind: exponential, mean: 1s}"), at a place of the tree. Maps missing on
// the way are made; an element of a list is named by its index or by its `name`. Whether the key means anything is
// found out by the validation that follows. kInvalidArgument when the text is not "key.path=value" or leads through
// something without such parts.
Status ApplyOverride(Value& root, const std::string& text);

}  // namespace orrery
