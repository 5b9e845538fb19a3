// Quantities with units, as scenario files and command lines write them. Durations: ParseDuration in
// runtime/common/settings.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/common/fixed_point.h"
#include "runtime/common/status.h"

namespace orrery {

// Every parser returns kInvalidArgument with a message that shows a right spelling; none accepts a negative quantity.

// "4GiB", "512MB", "16KiB", "100B", "1.5GiB", "0" → bytes. KiB and MiB are powers of 1024, kB, KB and MB of 1000.
Result<int64_t> ParseBytes(std::string_view text);

// "10Gbps", "1GBps", "125MBps", "1GiBps" → bytes per second; b is bits, B is bytes. Greater than zero.
Result<double> ParseBandwidth(std::string_view text);

// "500m" (thousandths), "2", "0.5" → CPUs, GPUs or custom resources.
Result<FixedPoint> ParseAmount(std::string_view text);

// "2%" → 0.02.
Result<double> ParsePercent(std::string_view text);

// "100/s", "5/m", "30/h", "2/ms" → per second. Greater than zero.
Result<double> ParseRate(std::string_view text);

// "12", "1_000_000" → a whole number.
Result<int64_t> ParseCount(std::string_view text);

// "0.5", "1e-3" → a finite number, may be negative.
Result<double> ParseNumber(std::string_view text);

}  // namespace orrery
