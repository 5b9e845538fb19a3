// What the conformance suite needs of a world: places where scripted state machines live, die, and are cut off.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/env/env.h"
#include "runtime/messages/message.h"

namespace orrery {

// A state machine that notes what happens to it and does what the test says. Owned by the test; outlives the world.
class Script final {
 public:
  struct Received {
    Address from;
    uint64_t number;
    size_t bytes;
    bool intact;  // the content is what MakeLoad wrote
  };
  std::vector<Received> received;
  std::vector<Address> lost;
  std::vector<uint64_t> timers;
  std::function<void(Env&, const Address&, uint64_t number)> on_message;
  std::function<void(Env&, const Address&)> on_lost;
  std::function<void(Env&, uint64_t)> on_timer;

  size_t CountLost(const Address& peer) const;
};

// A message with a number and `bytes` bytes of content that depends on both.
Message MakeLoad(uint64_t number, size_t bytes = 0);

class World {
 public:
  using Factory = std::function<std::unique_ptr<StateMachine>(Env&)>;
  virtual ~World() = default;

  // A process at place `slot` (0, 1, …) running `script`. A later process at the same slot has the same endpoint and
  // another incarnation.
  virtual Address Start(int slot, Script& script) = 0;
  // The process ends without a word.
  virtual void Kill(int slot) = 0;
  // To act on behalf of the process, from outside its handlers.
  virtual Env& env(int slot) = 0;
  // Lets the world run until the condition holds; false when it never will (or not within a minute).
  virtual bool RunUntil(const std::function<bool()>& condition) = 0;
  // Lets the world run for a while, to see that something does not happen.
  virtual void RunFor(Duration duration) = 0;

  // An address of the process at `slot` whose link can be cut. Cutting: from now on nothing passes, and nobody is told.
  virtual Address Relayed(int slot) = 0;
  virtual void CutSilently(int slot) = 0;
  // The silence is over in that the link breaks for good, as when a time-out of the network strikes.
  virtual void BreakCut(int slot) = 0;

  // Only live: the process does not run for a while, though its machine keeps its connections.
  virtual bool CanPause() const { return false; }
  virtual void Pause(int slot) { (void)slot; }
  virtual void Resume(int slot) { (void)slot; }
  // Bytes that wait in the process for slow peers, at most so far; limit above which a peer is given up.
  virtual uint64_t PeakOutput(int slot) { return static_cast<uint64_t>(slot) * 0; }
  virtual uint64_t OutputLimit() const { return 0; }
  // Open connections of the process; -1 where the notion does not exist.
  virtual int Connections(int slot) { return -1 - 0 * slot; }
};

// Each test binary links one implementation. A world runs in the calling process; `Isolate` gives a test a process of
// its own where the world needs that.
struct WorldKind {
  std::string name;
  std::function<std::unique_ptr<World>()> make;
};
std::vector<WorldKind> AllWorlds();
void Isolate(const std::function<void()>& body);

}  // namespace orrery
