// State drawings as data: which arrows a kind of object may take. ARCHITECTURE.md's drawings are printed from these.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/assert.h"
#include "runtime/env/env.h"

namespace orrery {

// One per kind of object, a static constant beside its enum. States are numbered as the enum's values, at most 16.
class StateChart {
 public:
  static constexpr uint8_t kNone = 255;  // before the object exists, and after

  struct Arrow {
    uint8_t from, to;
    std::string_view why;
  };

  StateChart(std::string_view machine, std::vector<std::string_view> states, std::vector<Arrow> arrows)
      : machine_(machine), states_(std::move(states)), arrows_(std::move(arrows)) {
    for (const Arrow& arrow : arrows_) {
      if (arrow.from != kNone && arrow.to != kNone) allowed_[arrow.from] |= static_cast<uint16_t>(1u << arrow.to);
    }
  }

  bool Allows(uint8_t from, uint8_t to) const { return (allowed_[from] >> to & 1) != 0; }
  std::string_view machine() const { return machine_; }
  // Mermaid text of the drawing.
  std::string ToMermaid() const {
    const auto name = [&](uint8_t state) { return state == kNone ? std::string("[*]") : std::string(states_[state]); };
    std::string text = "stateDiagram-v2\n";
    for (const Arrow& arrow : arrows_) {
      text += "    " + name(arrow.from) + " --> " + name(arrow.to) + ": " + std::string(arrow.why) + "\n";
    }
    return text;
  }

 private:
  std::string_view machine_;
  std::vector<std::string_view> states_;
  std::vector<Arrow> arrows_;
  std::array<uint16_t, 16> allowed_{};
};

// Takes an arrow, which must be in the drawing.
template <class State>
void Transition(const StateChart& chart, State& state, State to) {
  ORRERY_ASSERT_MSG(chart.Allows(static_cast<uint8_t>(state), static_cast<uint8_t>(to)), chart.machine().data());
  state = to;
}

// The same, traced: `id` says which object.
template <class State>
void Transition(Env& env, const StateChart& chart, uint64_t id, State& state, State to) {
  env.Trace({.kind = TraceKind::kTransition,
             .a = static_cast<int64_t>(id),
             .b = static_cast<int64_t>(state),
             .c = static_cast<int64_t>(to),
             .text = chart.machine()});
  Transition(chart, state, to);
}

}  // namespace orrery
