// Live providers under the suite: a LiveEnv with the provider of the test, and a folder that is removed in the end.
#pragma once

#include <memory>
#include <string>

#include "runtime/transport/live_env.h"
#include "tests/conformance/providers/provider_world.h"

namespace orrery {

class LiveProviderWorld : public ProviderWorld {
 public:
  LiveProviderWorld();
  ~LiveProviderWorld() override;
  void Send(Message message) override;
  bool RunUntil(const std::function<bool()>& condition) override;
  void Replace() override;

 protected:
  virtual std::unique_ptr<LocalEndpoint> MakeProvider(LiveEnv& env) = 0;
  const std::string& folder() const { return folder_; }
  // By the derived class's constructor and destructor, between which MakeProvider may be called.
  void Begin();
  void End();

 private:
  class Inbox;
  std::string folder_;
  std::unique_ptr<Inbox> machine_;
  std::unique_ptr<LiveEnv> env_;
  std::unique_ptr<LocalEndpoint> provider_;
};

}  // namespace orrery
