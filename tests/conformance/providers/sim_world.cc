// The modelled cloud under the suite.
#include <gtest/gtest.h>

#include <map>

#include "sim/engine/engine.h"
#include "sim/platform/sim_provider.h"
#include "tests/conformance/providers/provider_world.h"

namespace orrery {
namespace {

constexpr const char* kScenario = R"(
cluster:
  node_types:
    - {name: head, count: 1, resources: {CPU: 1}}
    - {name: small, min: 0, max: 20, boot_time: 2s, resources: {CPU: 1}}
workload: {generator: {kind: burst, count: 1, task: {duration: 1s}}}
autoscaler:
  provider:
    quota: 3
    answer_delay: 100ms
    terminate_time: 1s
    outages: [{at: 1000s, preempt: 1}]
)";

class SimProviderWorld final : public ProviderWorld, public InstanceHost {
 public:
  SimProviderWorld() : scenario_(ParseScenario(kScenario, "suite.yaml").value()) {
    engine_.AddHost({.name = "head"});
    provider_ = std::make_unique<SimProvider>(engine_, scenario_, *this);
    Start();
  }
  void Send(Message message) override { env_->Send(Address::Provider(), std::move(message)); }
  bool RunUntil(const std::function<bool()>& condition) override {
    const Time end = engine_.Now() + Duration::Seconds(60);
    while (!condition()) {
      if (engine_.Now() > end) return false;
      engine_.RunUntil(engine_.Now() + Duration::Millis(10));
    }
    return true;
  }
  // The cloud stays, and its customer is another process.
  void Replace() override {
    engine_.Kill(process_);
    inbox.clear();
    Start();
  }
  // It is preempted without notice.
  void EndByItself(const std::string&, uint64_t) override { engine_.RunUntil(Time{} + Duration::Seconds(1001)); }
  int Starts(uint64_t instance) override { return starts_[instance]; }

  // InstanceHost
  size_t FreeNode(const std::string& type) override {
    size_t node = 0;
    while (used_.count(node) != 0) ++node;
    return type == "small" ? node : SIZE_MAX;
  }
  void StartInstance(size_t node, uint64_t instance) override {
    used_[node] = true;
    if (instance != 0) ++starts_[instance];
  }
  void EndInstance(size_t node) override { used_.erase(node); }
  bool NodeBusy(size_t) override { return false; }

 private:
  class Inbox final : public StateMachine {
   public:
    explicit Inbox(ProviderWorld& world) : world_(world) {}
    void OnMessage(const Address&, Message message) override { world_.inbox.push_back(std::move(message)); }
    void OnTimer(TimerKind, uint64_t) override {}
    void OnPeerLost(const Address&) override {}

   private:
    ProviderWorld& world_;
  };
  void Start() {
    process_ = engine_.Spawn(HostId{0},
                             [this](Env& env, Address) {
                               env_ = &env;
                               return std::make_unique<Inbox>(*this);
                             },
                             {.name = "autoscaler", .costs = nullptr, .slot = 18});
    engine_.SetLocalEndpoint(process_, Address::Provider(), provider_.get());
    engine_.RunUntil(engine_.Now());
  }

  SimEngine engine_;
  const Scenario scenario_;
  std::unique_ptr<SimProvider> provider_;
  ProcessHandle process_;
  Env* env_ = nullptr;
  std::map<size_t, bool> used_;
  std::map<uint64_t, int> starts_;
};

}  // namespace

std::unique_ptr<ProviderWorld> ProviderWorld::Make() { return std::make_unique<SimProviderWorld>(); }

}  // namespace orrery
