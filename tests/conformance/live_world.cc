// The live transport under the suite: several LiveEnvs in this process, driven in turn by the test's thread.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <map>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/live_env.h"
#include "tests/conformance/relay.h"
#include "tests/conformance/script.h"

namespace orrery {
namespace {

constexpr size_t kMega = size_t{1} << 20;

class LiveWorld final : public World {
 public:
  explicit LiveWorld(bool unix_sockets) {
    if (!unix_sockets) return;
    char folder[] = "/tmp/orrery-conformance-XXXXXX";
    EXPECT_NE(mkdtemp(folder), nullptr);
    socket_dir_ = folder;
  }
  ~LiveWorld() override {
    places_.clear();
    if (socket_dir_.empty()) return;
    EXPECT_EQ(rmdir(socket_dir_.c_str()), 0) << "socket files were left in " << socket_dir_;
  }

  Address Start(int slot, Script& script) override {
    Place& place = places_[slot];
    LiveOptions options;
    options.role = "script-" + std::to_string(slot);
    options.port = place.port;
    options.socket_dir = socket_dir_;
    options.token = "conformance";
    options.output_high_water = 32 * kMega;
    options.output_limit = OutputLimit();
    options.yield_poll = Duration{};
    place.env = LiveEnv::Create(options).value();
    place.port = PortOf(place.env->address());
    place.machine = std::make_unique<ScriptMachine>(*place.env, script);
    place.env->SetStateMachine(place.machine.get());
    place.env->Acquire();
    return place.env->address();
  }
  void Kill(int slot) override { places_[slot].env.reset(); }
  Env& env(int slot) override { return *places_[slot].env; }

  bool RunUntil(const std::function<bool()>& condition) override {
    const Time end = Now() + Duration::Seconds(60);
    while (!condition()) {
      if (Now() > end) return false;
      Turn();
    }
    return true;
  }
  void RunFor(Duration duration) override {
    const Time end = Now() + duration;
    do Turn();
    while (Now() < end);
  }

  Address Relayed(int slot) override {
    const Address address = places_[slot].env->address();
    relays_[slot] = std::make_unique<Relay>(PortOf(address));
    return MakeAddress(IpOf(address), relays_[slot]->port(), address.incarnation);
  }
  void CutSilently(int slot) override { relays_[slot]->Freeze(); }
  void BreakCut(int slot) override { relays_[slot].reset(); }

  bool CanPause() const override { return true; }
  void Pause(int slot) override { places_[slot].paused = true; }
  void Resume(int slot) override { places_[slot].paused = false; }
  uint64_t PeakOutput(int slot) override { return places_[slot].env->stats().peak_output_bytes; }
  uint64_t OutputLimit() const override { return 64 * kMega; }
  int Connections(int slot) override { return static_cast<int>(places_[slot].env->stats().connections); }

 private:
  struct Place {
    uint16_t port = 0;
    bool paused = false;
    std::unique_ptr<StateMachine> machine;
    std::unique_ptr<LiveEnv> env;  // destroyed before its state machine
  };
  static Time Now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return Time{int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
  }
  void Turn() {
    bool worked = false;
    for (auto& [slot, place] : places_) {
      if (place.env && !place.paused) worked = place.env->Poll() || worked;
    }
    // The relays' threads need the processor, too.
    if (!worked) {
      const timespec nap{0, 100'000};
      nanosleep(&nap, nullptr);
    }
  }
  std::string socket_dir_;
  std::map<int, Place> places_;
  std::map<int, std::unique_ptr<Relay>> relays_;
};

}  // namespace

std::vector<WorldKind> AllWorlds() {
  return {{"LiveUnix", [] { return std::make_unique<LiveWorld>(true); }},
          {"LiveTcp", [] { return std::make_unique<LiveWorld>(false); }}};
}

void Isolate(const std::function<void()>& body) { body(); }

}  // namespace orrery
