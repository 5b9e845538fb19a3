// An interaction test as a text file, in the manner of etcd-raft's rafttest: commands, and below each what it printed.
#pragma once

#include <string>
#include <vector>

namespace orrery::test {

// One command and its expected output:
//
//   # a comment, kept
//   submit d t1 work=10ms
//   ----
//   ok
//
// The output ends at the next empty line.
struct Step {
  std::vector<std::string> comment;  // lines before the command, with empty ones
  std::string command;
  std::string expected;              // ends with a newline
  int line = 0;                      // of the command
};

struct Script {
  std::vector<Step> steps;
  std::vector<std::string> trailer;  // comment lines after the last step
};

// Throws std::runtime_error with file:line for a malformed file.
Script ReadScript(const std::string& path);
void WriteScript(const std::string& path, const Script& script);

// Words of a command; "key=value" stays one word, and double quotes keep spaces together.
std::vector<std::string> Words(const std::string& command);

}  // namespace orrery::test
