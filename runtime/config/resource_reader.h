// Resources and labels as configuration files write them.
#pragma once

#include <string>

#include "runtime/common/resources.h"
#include "runtime/config/reader.h"

namespace orrery {

// The predefined resource that a user most likely meant by `name` ("cpus" → "CPU"), or "".
std::string MeantResource(const std::string& name);

// An amount of memory, which needs a unit.
void ReadWholeBytes(const Value& value, Problems& problems, ResourceKind kind, ResourceSet& out);

// Adds the resource `name`; "cpus" for "CPU" and the like are problems, since they would silently be custom resources.
void ReadResource(const Value::Entry& entry, Problems& problems, ResourceSet& out);

// A whole map of them.
void ReadResources(const Value& map, Problems& problems, ResourceSet& out);

// A map of label keys and values.
void ReadLabels(const Value& map, Problems& problems, Labels& out);

}  // namespace orrery
