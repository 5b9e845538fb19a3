// Refs: their shared states, and how they travel inside values.
#include <vector>

#include "runtime/api/client.h"
#include "runtime/api/codec.h"
#include "runtime/api/errors.h"

namespace orrery::internal {

namespace {

constexpr size_t kStatesKept = 8192;

// Refs may be dropped after their thread's list is gone: statics outlive thread locals.
thread_local bool states_are_gone = false;
struct StateList {
  std::vector<ObjectState*> free;
  ~StateList() {
    states_are_gone = true;
    for (ObjectState* state : free) delete state;
  }
};
thread_local StateList states;

}  // namespace

ObjectState* NewObjectState(ObjectId id, Client* client) {
  ObjectState* state = nullptr;
  if (states_are_gone || states.free.empty()) {
    state = new ObjectState;
  } else {
    state = states.free.back();
    states.free.pop_back();
    state->count.store(1, std::memory_order_relaxed);
    state->owner = {};
    state->type = 0;
  }
  state->id = id;
  state->client = client;
  return state;
}

void ReleaseObject(ObjectState* state) {
  state->client->Release(state->id);
  if (states_are_gone || states.free.size() >= kStatesKept)
    delete state;
  else
    states.free.push_back(state);
}

void CheckType(const ObjectState* state, uint64_t type) {
  if (state != nullptr && state->type != 0 && state->type != type)
    throw MalformedError("the ref to " + ToString(state->id) + " names a value of another type");
}

// ---- inside values ----

void EncodeRef(const ObjectRef& ref, uint64_t type, Writer& out) {
  Client& client = Client::Current();
  const ObjectReference reference = client.ReferenceOf(ref);
  out.Raw(client.identity().cluster);
  out.Raw(type);
  out.Raw(reference.id.task.owner.value);
  out.Raw(reference.id.task.index);
  out.Raw(reference.id.index);
  out.Raw(reference.owner.endpoint);
  out.Raw(reference.owner.incarnation);
  out.AddRef(ref);
}

ObjectState* DecodeRef(Reader& in, uint64_t type) {
  Client& client = Client::Current();
  const auto cluster = in.Raw<uint64_t>();
  const auto tag = in.Raw<uint64_t>();
  ObjectReference reference;
  reference.id.task.owner.value = in.Raw<uint64_t>();
  reference.id.task.index = in.Raw<uint64_t>();
  reference.id.index = in.Raw<uint32_t>();
  reference.owner.endpoint = in.Raw<uint64_t>();
  reference.owner.incarnation = in.Raw<uint64_t>();
  if (!reference.id || !reference.owner || reference.owner.local()) Reader::Fail("a ref names nothing");
  if (cluster != client.identity().cluster)
    throw Error(StatusCode::kInvalidArgument, "the ref to " + ToString(reference.id) + " comes from another cluster");
  if (tag != type) throw MalformedError("the ref to " + ToString(reference.id) + " names a value of another type");
  return client.Borrow(reference);
}

}  // namespace orrery::internal
