// Provider programs that die, hang, or print what nobody can read: a clear error each time, and nothing waits for ever.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "runtime/messages/orrery.pb.h"
#include "runtime/providers/exec_provider.h"
#include "tests/conformance/providers/live_world.h"

namespace orrery {
namespace {

class OneProgram final : public LiveProviderWorld {
 public:
  OneProgram(std::vector<std::string> words, Duration timeout) : words_(std::move(words)), timeout_(timeout) {
    Begin();
  }
  ~OneProgram() override { End(); }
  void EndByItself(const std::string&, uint64_t) override {}
  int Starts(uint64_t) override { return 0; }

 private:
  std::unique_ptr<LocalEndpoint> MakeProvider(LiveEnv& env) override {
    ExecProviderOptions options;
    options.program = words_;
    options.cluster = "demo";
    options.timeout = timeout_;
    options.types["small"].start_words = {"orrery", "start"};
    return std::make_unique<ExecProvider>(env, options);
  }
  const std::vector<std::string> words_;
  const Duration timeout_;
};

// What a list says of a shell script that is the provider.
msg::InstanceList ListOf(ProviderWorld& world) {
  Draft<msg::ListInstances> list;
  list->set_request(1);
  world.Send(std::move(list));
  EXPECT_TRUE(world.RunUntil([&] { return !world.inbox.empty(); }));
  msg::InstanceList reply;
  while (!world.inbox.empty()) {
    if (world.inbox.front().kind() == MessageKind::kInstanceList)
      reply.CopyFrom(world.inbox.front().As<msg::InstanceList>());
    world.inbox.pop_front();
  }
  return reply;
}
msg::InstanceList ListBy(const std::string& script, Duration timeout = Duration::Seconds(60)) {
  OneProgram world({"/bin/sh", "-c", script}, timeout);
  return ListOf(world);
}
std::string Trouble(const std::string& script, Duration timeout = Duration::Seconds(60)) {
  const msg::InstanceList list = ListBy(script, timeout);
  EXPECT_NE(list.status(), 0u);
  EXPECT_EQ(list.instances_size(), 0);
  return list.message();
}
std::string Answer(const std::string& json) { return "cat >/dev/null; echo '" + json + "'"; }

TEST(BadPrograms, AGoodOneIsHeard) {
  const msg::InstanceList list = ListBy(Answer(
      R"({"version": 1, "max_instances": 9, "notices": true, "more": {}, "instances": [
          {"cloud_id": "i-1", "instance": 4, "node_type": "small", "state": "booting", "zone": 3}]})"));
  ASSERT_EQ(list.status(), 0u) << list.message();
  ASSERT_EQ(list.instances_size(), 1);
  EXPECT_EQ(list.instances(0).instance(), 4u);
  EXPECT_FALSE(list.instances(0).running());
  EXPECT_EQ(list.max_instances(), 9u);
  EXPECT_TRUE(list.notices());
}

TEST(BadPrograms, ItIsAskedInWords) {
  EXPECT_NE(Trouble("read line; echo \"$line\" >&2; exit 1").find(R"({"version":1,"call":"list","cluster":"demo"})"),
            std::string::npos);
}

TEST(BadPrograms, OneThatDiesSaysWhy) {
  const std::string trouble = Trouble("echo first >&2; echo 'no credentials' >&2; exit 3");
  EXPECT_NE(trouble.find("exit code 3: no credentials"), std::string::npos) << trouble;
  EXPECT_NE(Trouble("kill -9 $$").find("signal 9"), std::string::npos);
}

TEST(BadPrograms, OneThatHangsIsKilledWithWhatItStarted) {
  const std::string trouble = Trouble("sleep 1000 & sleep 1000", Duration::Millis(200));
  EXPECT_NE(trouble.find("did not end in 200 ms"), std::string::npos) << trouble;
  EXPECT_NE(Trouble("exec >&-; sleep 1000", Duration::Millis(200)).find("did not end"), std::string::npos);
}

TEST(BadPrograms, GarbageIsShown) {
  EXPECT_NE(Trouble("echo hello").find("is no JSON object: 'hello"), std::string::npos);
  EXPECT_NE(Trouble("true").find("is no JSON object"), std::string::npos);
  EXPECT_NE(Trouble(R"(printf '\377\376\000\001')").find("is no JSON object: '....'"), std::string::npos);
  EXPECT_NE(Trouble(Answer(R"({"version": 1, "instances": [)")).find("is no JSON object"), std::string::npos);
  EXPECT_NE(Trouble(Answer("[1]")).find("is no JSON object"), std::string::npos);
}

TEST(BadPrograms, AnEndlessAnswerIsCutOff) {
  EXPECT_NE(Trouble("yes").find("wrote more than 1048576 bytes"), std::string::npos);
}

TEST(BadPrograms, WrongFieldsAreNamed) {
  const auto says = [](const std::string& json, const std::string& expected) {
    const std::string trouble = Trouble(Answer(json));
    EXPECT_NE(trouble.find(expected), std::string::npos) << trouble;
  };
  says(R"({"instances": []})", "has version (none)");
  says(R"({"version": 2, "instances": []})", "has version 2, this cluster speaks version 1");
  says(R"({"version": 1})", "needs the list 'instances'");
  says(R"({"version": 1, "instances": [7]})", "instances[0]: expected an object");
  says(R"({"version": 1, "instances": [{}]})", "instances[0] needs the key 'cloud_id'");
  says(R"({"version": 1, "instances": [{"cloud_id": "i", "instance": -1, "node_type": "a", "state": "running"}]})",
       "instances[0].instance: expected a whole number from 0");
  says(R"({"version": 1, "instances": [{"cloud_id": "i", "instance": 1, "node_type": "a", "state": "up"}]})",
       "instances[0].state: expected booting");
  says(R"({"version": 1, "instances": [], "events": [{"cloud_id": "i"}]})", "events[0]: needs notice_s");
  says(R"({"version": 1, "instances": [], "max_instances": "many"})", "max_instances: expected a whole number");
  says(R"({"version": 1, "error": "region closed"})", "the provider program says: region closed");
}

TEST(BadPrograms, OneThatIsNotThere) {
  OneProgram world({"/no/such/program"}, Duration::Seconds(60));
  EXPECT_NE(ListOf(world).message().find("cannot run '/no/such/program'"), std::string::npos);
}

TEST(BadPrograms, AFailedLaunchIsARefusalOfEach) {
  OneProgram world({"/bin/sh", "-c", "exit 5"}, Duration::Seconds(60));
  Draft<msg::LaunchInstances> launch;
  launch->set_request(1);
  launch->set_node_type("small");
  for (const uint64_t instance : {1, 2}) launch->add_instances(instance);
  world.Send(std::move(launch));
  ASSERT_TRUE(world.RunUntil([&] { return !world.inbox.empty(); }));
  const auto& reply = world.inbox.front().As<msg::InstancesLaunched>();
  ASSERT_EQ(reply.outcomes_size(), 2);
  for (const msg::LaunchOutcome& outcome : reply.outcomes()) {
    EXPECT_NE(outcome.status(), 0u);
    EXPECT_NE(outcome.message().find("exit code 5"), std::string::npos);
  }
}

TEST(BadPrograms, ARequestThatIsUnderWayIsNotRunAgain) {
  const std::string runs = testing::TempDir() + "orrery-provider-runs";
  OneProgram world({"/bin/sh", "-c", "echo run >> " + runs + "; sleep 0.2; exit 1"}, Duration::Seconds(60));
  std::remove(runs.c_str());
  for (int i = 0; i < 3; ++i) {
    Draft<msg::ListInstances> list;
    list->set_request(1);
    world.Send(std::move(list));
  }
  ASSERT_TRUE(world.RunUntil([&] { return !world.inbox.empty(); }));
  std::ifstream file(runs);
  int count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  EXPECT_EQ(count, 1);
  std::remove(runs.c_str());
}

}  // namespace
}  // namespace orrery
