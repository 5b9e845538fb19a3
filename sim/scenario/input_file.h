// Whole input files in memory, unpacked where they are gzip.
#pragma once

#include <string>

#include "runtime/common/status.h"

namespace orrery {

// The content of `path`; gzip is recognised by its magic number and unpacked. kNotFound when it cannot be opened (the
// message has the system's reason), kInvalidArgument when the gzip stream is damaged or cut off, kTooLarge beyond 4 GiB
// of content.
Result<std::string> ReadInputFile(const std::string& path);

// True where `path` names a readable regular file.
bool FileExists(const std::string& path);

// `path` seen from the folder of `file`; absolute paths stay. "" stays "".
std::string ResolveBeside(const std::string& file, const std::string& path);

// "mm1" of "scenarios/scheduling/mm1.yaml".
std::string FileStem(const std::string& path);

}  // namespace orrery
