// The simulated world under the suite.
#include <map>
#include <set>

#include "sim/engine/engine.h"
#include "tests/conformance/script.h"
#include "tests/unit/engine/child.h"

namespace orrery {
namespace {

// Links that have gone silent, or have broken for good.
class Cuts final : public SendFilter {
 public:
  Verdict OnSend(Time, ProcessHandle from, ProcessHandle to, const Message&) override {
    for (ProcessHandle end : {from, to}) {
      if (broken.count(end) != 0) return {.action = Verdict::Action::kBreak, .delay = {}};
      if (silent.count(end) != 0) return {.action = Verdict::Action::kDrop, .delay = {}};
    }
    return {.delay = {}};
  }
  std::set<ProcessHandle> silent, broken;
};

class SimWorld final : public World {
 public:
  SimWorld() {
    for (int i = 0; i < 10; ++i) engine_.AddHost({.name = "host-" + std::to_string(i)});
    engine_.SetSendFilter(&cuts_);
  }

  Address Start(int slot, Script& script) override {
    Place& place = places_[slot];
    const auto factory = [&place, &script](Env& env, Address) {
      place.env = &env;
      return std::make_unique<ScriptMachine>(env, script);
    };
    place.process = engine_.Spawn(HostId{static_cast<uint32_t>(slot)}, factory,
                                  {.name = "script-" + std::to_string(slot), .costs = nullptr, .slot = 16});
    return engine_.AddressOf(place.process);
  }
  void Kill(int slot) override { engine_.Kill(places_[slot].process); }
  Env& env(int slot) override { return *places_[slot].env; }
  bool RunUntil(const std::function<bool()>& condition) override {
    while (!condition()) {
      if (engine_.RunSome(1, Time{INT64_MAX}) == SimEngine::RunEnd::kIdle) return condition();
    }
    return true;
  }
  void RunFor(Duration duration) override { engine_.RunUntil(engine_.Now() + duration); }
  Address Relayed(int slot) override { return engine_.AddressOf(places_[slot].process); }
  void CutSilently(int slot) override { cuts_.silent.insert(places_[slot].process); }
  void BreakCut(int slot) override { cuts_.broken.insert(places_[slot].process); }

 private:
  struct Place {
    ProcessHandle process;
    Env* env = nullptr;
  };
  Cuts cuts_;
  SimEngine engine_;
  std::map<int, Place> places_;
};

}  // namespace

std::vector<WorldKind> AllWorlds() {
  return {{"Simulated", [] { return std::make_unique<SimWorld>(); }}};
}

void Isolate(const std::function<void()>& body) {
  InChild([&] {
    body();
    return uint64_t{1};
  });
}

}  // namespace orrery
