#include "runtime/common/subnet.h"

#include <charconv>

namespace orrery {

namespace {

std::string Dotted(uint32_t ip) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += std::to_string((ip >> shift) & 255) + (shift > 0 ? "." : "");
  return text;
}

}  // namespace

std::string Subnet::Host(uint64_t number) const {
  ORRERY_ASSERT(number >= 1 && number <= hosts());
  return Dotted(base + static_cast<uint32_t>(number));
}

std::string ToString(const Subnet& subnet) { return Dotted(subnet.base) + "/" + std::to_string(subnet.prefix); }

Result<Subnet> ParseSubnet(const std::string& text) {
  const Status bad(StatusCode::kInvalidArgument,
                   "'" + text + "' is not an IPv4 network; write for example 198.18.0.0/16 (prefixes from 8 to 29)");
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  uint32_t numbers[5] = {};
  for (int i = 0; i < 5; ++i) {
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    const char separator = i < 3 ? '.' : '/';
    if (error != std::errc() || numbers[i] > 255 || (i < 4 ? next == end || *next != separator : next != end))
      return bad;
    at = next + (i < 4 ? 1 : 0);
  }
  if (numbers[4] < 8 || numbers[4] > 29) return bad;
  Subnet subnet;
  subnet.base = (numbers[0] << 24) | (numbers[1] << 16) | (numbers[2] << 8) | numbers[3];
  subnet.prefix = static_cast<int>(numbers[4]);
  const uint32_t network = subnet.base >> (32 - subnet.prefix) << (32 - subnet.prefix);
  if (network != subnet.base) {
    return Status(StatusCode::kInvalidArgument, "'" + text + "' has bits beyond its prefix; did you mean " +
                                                    Dotted(network) + "/" + std::to_string(subnet.prefix) + "?");
  }
  return subnet;
}

}  // namespace orrery
