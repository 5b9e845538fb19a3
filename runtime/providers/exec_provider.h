// A provider that is any program: one JSON request on its standard input, one JSON answer on its standard output.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/common/time.h"
#include "runtime/transport/live_env.h"

namespace orrery {

struct ExecProviderOptions {
  std::vector<std::string> program;  // and its arguments
  std::string cluster;               // its name: the program keeps the instances of several clusters apart by it
  Duration timeout = Duration::Seconds(60);  // of one call
  struct Type {
    std::string node_config = "null";  // JSON, the program's own business
    // What starts the node on its new machine; the labels' instance is added for each.
    std::vector<std::string> start_words;
    std::map<std::string, std::string> labels;
  };
  std::map<std::string, Type> types;
};

// The protocol, version 1. Every request has {"version": 1, "call": NAME, "cluster": NAME} and
//   launch     "node_type", "node_config", "instances": [{"instance": N, "start": [WORD, …]}, …]
//   terminate  "cloud_ids": [TEXT, …]
//   list       nothing more
// Every answer has {"version": 1} and
//   launch     "outcomes": [{"instance": N, "cloud_id": TEXT} or {"instance": N, "error": TEXT}, …]; a number that was
//              launched before is answered as then, and not launched again; what is left out is asked again
//   terminate  "terminated": [TEXT, …]; also what was gone already
//   list       "instances": [{"cloud_id", "instance" (0: not of an autoscaler), "node_type", "state": "booting",
//              "running" or "terminating"}, …]; may have "max_instances": N (the quota), "notices": true, and
//              "events": [{"cloud_id", "notice_s": SECONDS until it is taken away} or {"cloud_id", "gone": true}, …]
// or {"version": 1, "error": TEXT}. Unknown keys are ignored. An answer has at most 1 MiB. A program that says anything
// else, ends with another code than 0, or does not end in time, has failed: a list or a termination is asked again, a
// launch counts as refused (what it launched all the same, a later list shows, and it is terminated).
class ExecProvider final : public LocalEndpoint {
 public:
  // `env` outlives the provider.
  ExecProvider(LiveEnv& env, ExecProviderOptions options);
  ~ExecProvider() override;
  void OnMessage(Message message) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery
