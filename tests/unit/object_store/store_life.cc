#include "tests/unit/object_store/store_life.h"

#include <algorithm>

#include "runtime/core_worker/room_cache.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

struct StoreLife::Node final : Actor, ArgumentListener {
  StoreLife& life;
  NodeId id;
  Address address;
  WorldEnv env;
  ObjectStore store;
  std::map<uint64_t, bool> leases;  // index → has begun
  uint64_t last_lease = 0;

  Node(StoreLife& l, NodeId n)
      : life(l),
        id(n),
        address(l.world_.NewAddress()),
        env(l.world_, address),
        store(env, l.settings_, {address, address, l.capacity_}) {
    store.SetNode(id);
    store.SetArgumentListener(this);
    life.world_.Add(address, this);
    life.world_.AddMemory(address);
  }
  void Settle() {
    store.Settle();
    store.CheckInvariants(true);
  }
  void OnMessage(const Address& from, const Message& message) override {
    store.OnMessage(from, message);
    Settle();
  }
  void OnTimer(TimerKind kind, uint64_t timer) override {
    store.OnTimer(kind, timer);
    Settle();
  }
  void OnPeerLost(const Address& peer) override {
    store.OnPeerLost(peer);
    Settle();
  }
  static LeaseId Lease(uint64_t index) { return {WorkerId::Of(NodeId{77}, 1), index}; }
  // Resources may be taken just then: the lease waits for them with its arguments, which can be taken back.
  void OnArguments(LeaseId lease, const Status& status) override {
    if (!status.ok()) {
      ++life.counts_.failed_leases;
      leases.erase(lease.index);
      return;
    }
    life.world_.After(address, Duration::Micros(life.Below(3000)), [this, lease] { TryBegin(lease); });
  }
  void TryBegin(LeaseId lease) {
    const auto it = leases.find(lease.index);
    if (it == leases.end() || it->second) return;
    if (store.arguments().Hold(lease)) {
      it->second = true;
      ++life.counts_.leases;
      if (life.Chance(0.2)) store.arguments().SetBlocked(lease, true);
      life.world_.After(address, Duration::Micros(life.Below(20'000)), [this, lease] { Drop(lease); });
    } else {
      ++life.counts_.revoked;  // OnArguments follows again
    }
    Settle();
  }
  void Drop(LeaseId lease) {
    leases.erase(lease.index);
    store.arguments().Drop(lease);
    Settle();
  }
};

struct StoreLife::Client final : Actor {
  StoreLife& life;
  Node& node;
  Address address;
  std::map<ObjectId, int64_t> creating;  // size
  std::map<ObjectId, uint64_t> waiting;
  struct View {
    int64_t offset, size;
    uint64_t pin;
  };
  std::map<ObjectId, View> views;
  uint64_t last_pin = 0;
  RoomCache rooms;

  Client(StoreLife& l, Node& n) : life(l), node(n), address(l.world_.NewAddress()) { life.world_.Add(address, this); }
  void Send(const Message& message) { life.world_.Send(address, node.address, message); }
  ObjectReference Ref(ObjectId id) { return {id, life.OwnerOf(id)->address()}; }

  void OnMessage(const Address&, const Message& message) override {
    if (message.kind() == MessageKind::kObjectCreated) return OnCreated(message.As<msg::ObjectCreated>());
    if (message.kind() == MessageKind::kObjectLocal) return OnLocal(message.As<msg::ObjectLocal>());
    if (message.kind() == MessageKind::kGiveRooms) {
      const auto& given = message.As<msg::GiveRooms>();
      for (int64_t offset : given.offsets()) rooms.Add({offset, given.size()});
    }
    if (message.kind() == MessageKind::kReclaimRooms) {
      ++life.counts_.reclaimed;
      ReturnRooms(rooms.TakeAll());
    }
  }
  void ReturnRooms(const std::vector<int64_t>& offsets) {
    Draft<msg::ReturnRooms> unused;
    unused->mutable_offsets()->Add(offsets.begin(), offsets.end());
    if (!offsets.empty()) Send(std::move(unused));
  }
  // Writes for a while, in what nobody else may have meanwhile.
  void PutInRoom(ObjectId id, int64_t size, int64_t room) {
    life.world_.After(address, Duration::Micros(life.Below(3000)), [this, id, size, room] {
      if (life.Chance(0.1)) return ReturnRooms({room});
      ++life.counts_.in_room;
      life.world_.memory(node.address).Write(room, size, id);
      SealInRoom(id, size, room);
    });
  }
  void SealInRoom(ObjectId id, int64_t size, int64_t room) {
    Draft<msg::SealInRoom> seal;
    ToProto(Ref(id), seal->mutable_object());
    seal->set_size(size);
    seal->set_offset(room);
    Send(std::move(seal));
  }
  // Claims what it was not given.
  void Lie(ObjectId id) {
    const int64_t offset = life.Below(life.capacity_) / Arena::kAlignment * Arena::kAlignment + 1;
    ++life.counts_.lies;
    SealInRoom(id, 1 + life.Below(1000), offset);
  }
  void OnCreated(const msg::ObjectCreated& reply) {
    const ObjectId id = FromProto(reply.object()).id;
    const auto it = creating.find(id);
    if (it == creating.end()) return life.Wrong("an answer to nothing: " + reply.ShortDebugString());
    const auto code = static_cast<StatusCode>(reply.status());
    if (code != StatusCode::kOk) {
      const int64_t size = it->second;
      creating.erase(it);
      if (code == StatusCode::kAlreadyExists) return void(++life.counts_.existed);
      ++life.counts_.refused;
      const bool owner_dead = !life.world_.Alive(life.OwnerOf(id)->address());
      const bool right = (code == StatusCode::kTooLarge && size > life.capacity_) ||
                         ((code == StatusCode::kDiskFull || code == StatusCode::kStoreFull) && life.disk_limited_) ||
                         (code == StatusCode::kOwnerDied && owner_dead);
      if (!right) life.Wrong("refused for no reason: " + reply.ShortDebugString());
      return;
    }
    const int64_t offset = reply.offset(), size = it->second;
    life.world_.After(address, Duration::Micros(life.Below(3000)), [this, id, offset, size] {
      if (life.Chance(0.1)) {
        Draft<msg::AbortObject> abort;
        ToProto(Ref(id), abort->mutable_object());
        Send(std::move(abort));
      } else {
        ++life.counts_.created;
        life.world_.memory(node.address).Write(offset, size, id);
        Draft<msg::SealObject> seal;
        ToProto(Ref(id), seal->mutable_object());
        Send(std::move(seal));
      }
      creating.erase(id);
    });
  }
  void OnLocal(const msg::ObjectLocal& reply) {
    const ObjectId id = FromProto(reply.object()).id;
    const auto it = waiting.find(id);
    if (it == waiting.end() || it->second != reply.pin()) return;  // given up meanwhile
    waiting.erase(it);
    const auto code = static_cast<StatusCode>(reply.status());
    if (code != StatusCode::kOk) {
      StoreOwner& owner = *life.OwnerOf(id);
      const bool lost = code == StatusCode::kObjectLost && (owner.Freed(id) || owner.Lost(id));
      const bool dead = code == StatusCode::kOwnerDied && !life.world_.Alive(owner.address());
      const bool full = (code == StatusCode::kDiskFull || code == StatusCode::kStoreFull) && life.disk_limited_;
      life.counts_.lost += lost, life.counts_.owner_died += dead;
      if (!lost && !dead && !full) life.Wrong("cannot be had for no reason: " + reply.ShortDebugString());
      return;
    }
    ++life.counts_.got;
    views[id] = {reply.offset(), reply.size(), reply.pin()};
    Look(id);
    life.world_.After(address, Duration::Micros(life.Below(20'000)), [this, id] { Release(id); });
  }
  void Look(ObjectId id) {
    const View& view = views.at(id);
    ORRERY_ASSERT_MSG(life.world_.memory(node.address).Holds(view.offset, view.size, id), "other bytes than its own");
  }
  void Release(ObjectId id) {
    Look(id);
    Draft<msg::ReleaseLocal> release;
    ToProto(Ref(id), release->mutable_object());
    release->set_pin(views.at(id).pin);
    views.erase(id);
    Send(std::move(release));
  }
};

void StoreLife::Counts::Add(const Counts& o) {
  created += o.created, existed += o.existed, refused += o.refused, got += o.got, lost += o.lost;
  owner_died += o.owner_died, given_up += o.given_up, leases += o.leases, revoked += o.revoked;
  failed_leases += o.failed_leases, evicted += o.evicted, spilled += o.spilled, restored += o.restored;
  copied += o.copied, relayed += o.relayed, killed_clients += o.killed_clients, killed_owners += o.killed_owners;
  in_room += o.in_room, reclaimed += o.reclaimed, lies += o.lies;
  killed_nodes += o.killed_nodes, broken += o.broken, damaged += o.damaged;
}

StoreLife::StoreLife(uint64_t seed, bool verbose) : world_(seed, Duration::Micros(seed % 3 == 0 ? 0 : 500)) {
  if (verbose) world_.SetVerbose();
  settings_.object_chunk_bytes = 1000;  // not a multiple of the arena's ranges
  settings_.object_chunks_in_flight = 1 + Below(3);
  settings_.object_pulls_in_flight = 1 + Below(4);
  settings_.spill_fuse_bytes = 4000 + Below(8000);
  settings_.spill_threshold = Chance(0.3) ? 0.3 : 0.8;
  settings_.object_pull_retry = Duration::Millis(200);
  settings_.request_retry_interval = Duration::Millis(50);
  settings_.argument_memory_fraction = Chance(0.3) ? 0.3 : 0.7;
  if (Chance(0.1)) settings_.spill_directories = "none";
  if (Chance(0.1)) settings_.spill_limit_bytes = Below(30'000);
  settings_.object_room_ahead_fraction = Chance(0.3) ? 0 : 0.3;
  settings_.object_room_idle = Duration::Millis(1 + Below(50));
  disk_limited_ = settings_.spill_directories == "none" || settings_.spill_limit_bytes >= 0;
  capacity_ = (200 + Below(600)) * Arena::kAlignment;
  faults_ = Chance(0.7);
  kill_ = Chance(0.5) ? 0.3 : 0.05;
  if (Chance(0.3)) world_.SetMemoryDelay(Duration::Millis(30));
  for (uint32_t i = 1; i <= 3; ++i) {
    nodes_.push_back(std::make_unique<Node>(*this, NodeId{i}));
    if (Chance(0.2)) {
      disk_limited_ = true;
      world_.memory(nodes_.back()->address).SetDisk(Below(40'000));
    }
    owners_.push_back(std::make_unique<StoreOwner>(world_, WorkerId::Of(NodeId{i}, 1), world_.NewAddress()));
    world_.Add(owners_.back()->address(), owners_.back().get());
  }
  for (const auto& node : nodes_) {
    for (int i = 0; i < 2; ++i) StartClient(*node);
  }
}

StoreLife::~StoreLife() = default;

void StoreLife::StartClient(Node& node) {
  clients_.push_back(std::make_unique<Client>(*this, node));
  Client& client = *clients_.back();
  world_.After(client.address, Duration::Micros(Below(2000)), [this, &client] { Act(client); });
}

StoreOwner* StoreLife::OwnerOf(ObjectId object) {
  for (const auto& owner : owners_) {
    if (owner->id() == object.task.owner) return owner.get();
  }
  return nullptr;
}

StoreOwner* StoreLife::SomeOwner() {
  StoreOwner* owner = owners_[static_cast<size_t>(Below(static_cast<int64_t>(owners_.size())))].get();
  return world_.Alive(owner->address()) ? owner : nullptr;
}

ObjectId StoreLife::SomeObject() {
  const StoreOwner* owner = SomeOwner();
  const std::vector<ObjectId> ids = owner == nullptr ? std::vector<ObjectId>() : owner->Living();
  return ids.empty() ? ObjectId{} : ids[static_cast<size_t>(Below(static_cast<int64_t>(ids.size())))];
}

void StoreLife::Act(Client& client) {
  if (!acting_) return;
  const int64_t dice = Below(100);
  if (dice < 30) {
    Create(client, false);
  } else if (dice < 35) {
    Create(client, true);
  } else if (dice < 75) {
    Get(client);
  } else if (dice < 85) {
    BeginLease(client.node);
  } else if (const ObjectId id = SomeObject(); id && dice < 93) {
    OwnerOf(id)->Free(id);
  } else if (!client.waiting.empty()) {
    // Gives up waiting: a get that timed out.
    const auto [object, pin] = *client.waiting.begin();
    client.waiting.erase(object);
    Draft<msg::ReleaseLocal> release;
    ToProto(client.Ref(object), release->mutable_object());
    release->set_pin(pin);
    client.Send(std::move(release));
    ++counts_.given_up;
  }
  world_.After(client.address, Duration::Micros(Below(4000)), [this, &client] { Act(client); });
}

void StoreLife::Create(Client& client, bool again) {
  ObjectId id;
  if (again) {
    id = SomeObject();  // a task that runs a second time
  } else if (StoreOwner* owner = SomeOwner()) {
    const int64_t most = Chance(0.5) ? 1000 : capacity_ / 3;
    id = owner->Make(1 + (Chance(0.05) ? Below(2 * capacity_) : Below(most)));
  }
  if (!id || client.creating.count(id) != 0) return;
  const int64_t size = OwnerOf(id)->SizeOf(id);
  if (!again) {
    if (Chance(0.03)) return client.Lie(id);
    if (const auto room = client.rooms.Take(size)) return client.PutInRoom(id, size, room->offset);
  }
  client.creating[id] = size;
  Draft<msg::CreateObject> request;
  ToProto(client.Ref(id), request->mutable_object());
  request->set_size(size);
  request->set_ahead(!again);
  client.Send(std::move(request));
}

void StoreLife::Get(Client& client) {
  const ObjectId id = SomeObject();
  if (!id || client.waiting.count(id) != 0 || client.views.count(id) != 0) return;
  client.waiting[id] = ++client.last_pin;
  Draft<msg::GetLocal> request;
  ToProto(client.Ref(id), request->mutable_object());
  request->set_size(Chance(0.8) ? OwnerOf(id)->SizeOf(id) : 0);
  request->set_purpose(static_cast<uint32_t>(Below(3)));
  request->set_pin(client.last_pin);
  client.Send(std::move(request));
}

void StoreLife::BeginLease(Node& node) {
  std::vector<LeaseArgument> arguments;
  for (int64_t count = 1 + Below(3); count > 0; --count) {
    const ObjectId id = SomeObject();
    if (id) arguments.push_back({{id, OwnerOf(id)->address()}, OwnerOf(id)->SizeOf(id)});
  }
  if (arguments.empty()) return;
  const LeaseId lease = Node::Lease(++node.last_lease);
  Result<bool> here = node.store.arguments().Fetch(lease, arguments);
  if (here.ok()) node.leases[lease.index] = false;
  if (here.ok() && *here) node.TryBegin(lease);
  node.Settle();
  if (here.ok() && Chance(0.2)) {
    world_.After(node.address, Duration::Micros(Below(5000)), [&node, lease] { node.Drop(lease); });
  }
}

void StoreLife::Fault() {
  const int64_t dice = Below(100);
  const auto connections = world_.Connections();
  Node& node = *nodes_[static_cast<size_t>(Below(3))];
  if (dice < 40 && !connections.empty()) {
    const auto [a, b] = connections[static_cast<size_t>(Below(static_cast<int64_t>(connections.size())))];
    for (const auto& client : clients_) {
      if (client->address == a || client->address == b) return;  // a client without its connection ends
    }
    ++counts_.broken;
    world_.Break(a, b);
  } else if (dice < 70) {
    Client& client = *clients_[static_cast<size_t>(Below(static_cast<int64_t>(clients_.size())))];
    if (!world_.Alive(client.address)) return;
    ++counts_.killed_clients;
    world_.Kill(client.address);
    if (world_.Alive(client.node.address)) StartClient(client.node);
  } else if (dice < 80) {
    ++counts_.damaged;
    world_.memory(node.address).DamageFiles();
  } else if (dice < 90 && Chance(kill_)) {
    StoreOwner* owner = SomeOwner();
    if (owner == nullptr) return;
    ++counts_.killed_owners;
    world_.Kill(owner->address());
    for (const auto& other : nodes_) {
      if (other->id != owner->id().node() || !world_.Alive(other->address) || Chance(0.3)) continue;
      other->store.OnProcessDead(owner->id());
      other->Settle();
    }
  } else if (dice >= 90 && Chance(kill_)) {
    KillNode(node);
  }
}

void StoreLife::KillNode(Node& node) {
  if (!world_.Alive(node.address)) return;
  ++counts_.killed_nodes;
  world_.Kill(node.address);
  for (const auto& client : clients_) {
    if (&client->node == &node) world_.Kill(client->address);
  }
  for (const auto& owner : owners_) {
    if (owner->id().node() == node.id) world_.Kill(owner->address());
  }
  for (const auto& other : nodes_) {
    world_.After(other->address, Duration::Micros(Below(5000)), [&other, dead = node.id] {
      other->store.OnNodeDied(dead);
      other->Settle();
    });
  }
  for (const auto& owner : owners_) {
    world_.After(owner->address(), Duration::Micros(Below(5000)),
                 [&owner, dead = node.id] { owner->OnNodeDied(dead); });
  }
}

void StoreLife::Live(Duration span) {
  const Time end = world_.now() + span;
  while (world_.Step(end)) {
  }
}

std::vector<std::string> StoreLife::Run() {
  for (int i = 0; i < 40; ++i) {
    Live(Duration::Millis(5));
    if (faults_ && Chance(0.5)) Fault();
  }
  acting_ = false;
  Live(Duration::Seconds(100));
  CheckAnswered();
  for (const auto& owner : owners_) {
    if (world_.Alive(owner->address())) owner->FreeAll();
  }
  Live(Duration::Seconds(100));
  CheckNothingLeft();
  for (const auto& node : nodes_) {
    counts_.evicted += node->env.traces(TraceKind::kObjectEvicted);
    counts_.spilled += node->env.traces(TraceKind::kObjectSpilled);
    counts_.restored += node->env.traces(TraceKind::kObjectRestored);
    counts_.copied += node->env.traces(TraceKind::kObjectCopied);
  }
  for (const auto& owner : owners_) counts_.relayed += owner->relayed();
  return wrong_;
}

void StoreLife::CheckAnswered() {
  for (const auto& client : clients_) {
    if (!world_.Alive(client->address)) continue;
    const std::string where = " on " + ToString(client->node.id);
    for (const auto& [id, size] : client->creating) Wrong("no answer to a creation: " + ToString(id) + where);
    for (const auto& [id, pin] : client->waiting) Wrong("no answer to a get: " + ToString(id) + where);
  }
  for (const auto& node : nodes_) {
    if (!world_.Alive(node->address)) continue;
    for (const auto& [lease, begun] : node->leases)
      Wrong("a lease waits for ever on " + ToString(node->id) + ": " + std::to_string(lease));
    if (!node->store.idle()) Wrong(ToString(node->id) + " is busy");
    // What owners believe of this node is so.
    for (const auto& owner : owners_) {
      if (!world_.Alive(owner->address())) continue;
      for (ObjectId id : owner->Living()) {
        const LocalObject* object = node->store.objects().Find(id);
        if (owner->BelievesIn(id, node->id) != (object != nullptr))
          Wrong("owner and node disagree on " + ToString(id) + " at " + ToString(node->id));
      }
    }
  }
}

void StoreLife::CheckNothingLeft() {
  for (const auto& node : nodes_) {
    if (!world_.Alive(node->address)) continue;
    const std::string where = " on " + ToString(node->id);
    const LocalObjects& objects = node->store.objects();
    if (!objects.all().empty()) Wrong("objects are left" + where + ": " + ToString(objects.all().begin()->first));
    if (objects.arena().used() != 0) Wrong("bytes are left" + where);
    if (world_.memory(node->address).files() != 0) Wrong("files are left" + where);
    if (!node->store.idle()) Wrong("something is under way" + where);
  }
}

}  // namespace orrery::test
