// This process's place in a cluster: the driver's session, or the worker's surroundings; and questions to the GCS.
// Internal. Nothing here needs the GIL.
#pragma once

#include <memory>
#include <string>

#include "runtime/api/cluster_finder.h"
#include "runtime/api/driver.h"
#include "runtime/api/local_cluster.h"
#include "runtime/messages/message.h"

namespace orrery::python {

struct DriverStart {
  SessionOptions session;
  internal::WorkerProgram worker;
};

// Connects as a driver; throws Error. The workers' environment gets ORRERY_GCS.
void Connect(DriverStart start);
// Ends the driver's session, if there is one; `status` is what the cluster records.
void Disconnect(int status);
// The process was forked: forgets the parent's session without a word to anybody.
void AfterFork();
// "host:port" of the GCS, and the folder of the session's files.
std::string GcsAddress();
std::string SessionFolder();

// Serves as the worker that the environment describes, until it is told to end; the exit code.
int Serve();

// Asks the GCS, again while it is away, for at most 30 s. Throws Error.
Message AskGcs(const Message& request);

}  // namespace orrery::python
