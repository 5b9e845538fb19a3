// What the providers' conformance suite needs: a provider, an autoscaler's place to talk to it from, and time that
 // passes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "runtime/messages/message.h"

namespace orrery {

// A provider with the node type "small" and room for kQuota instances. Each test binary links one implementation of
// Make.
class ProviderWorld {
 public:
  static constexpr int kQuota = 3;
  static std::unique_ptr<ProviderWorld> Make();
  virtual ~ProviderWorld() = default;

  virtual void Send(Message message) = 0;
  // Lets the world run until the condition holds; false when it does not within a minute.
  virtual bool RunUntil(const std::function<bool()>& condition) = 0;
  // The provider itself is replaced, as when the autoscaler's process is killed and succeeded.
  virtual void Replace() = 0;
  // The instance ends without having been told to.
  virtual void EndByItself(const std::string& cloud_id, uint64_t instance) = 0;
  // How often the instance's node has begun to run so far.
  virtual int Starts(uint64_t instance) = 0;

  std::deque<Message> inbox;  // what came from the provider, in order
};

}  // namespace orrery
