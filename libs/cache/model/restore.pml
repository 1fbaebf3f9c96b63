/*
 * The server of the shared provider is replaced by one that lacks its last writes: restarted from a snapshot, or a replica
 * that lagged (C-29). Every name there has the server's identity in it, and a command that was made for one identity is
 * executed by no other: whoever sends looks whom the connection leads to, in one step with sending. Each replacement has
 * an identity of its own, which never comes back.
 *
 * Two clients with two validated reads each, one change, two replacements. Of the names only those of the key are drawn, its entry and its
 * lease, since tokens of families are named and lost in the same way. Leases are numbered, as they come back with the
 * snapshot: LIVE and DEAD of provider.pml would not do.
 *
 * stale: NAMES_WITHOUT_IDENTITY SENT_TO_ANY_SERVER IDENTITY_COMES_BACK
 */
#include "promise.pml"

#define CLIENTS 2
#define READS 2
#define IDENTITIES 3

byte server; /* the identity of the one that is reached */

/* What is kept under the names that have one identity. */
typedef Space {
  bool stored;
  byte value;
  byte lease /* 0: none */
};
Space space[IDENTITIES], saved[IDENTITIES];
byte leases; /* the last one that was handed out */
hidden byte each; /* of no use between steps */

/* A fill under way, or one that may be lost. */
typedef Fill {
  byte value;
  byte lease; /* 0: there is no fill */
  byte identity
};
Fill late[CLIENTS];

#ifdef MUTANT_NAMES_WITHOUT_IDENTITY
#define NAMED(identity) space[0]
#else
#define NAMED(identity) space[identity]
#endif

#ifdef MUTANT_SENT_TO_ANY_SERVER
#define REACHED(identity) true
#else
#define REACHED(identity) (server == identity)
#endif

/* Within a step. */
inline give(value) {
  assert(value >= promised_before_read);
  value = 0;
  lease = 0;
  identity = 0;
  promised_before_read = 0
}

proctype Reader(byte c) {
  byte reads, value, promised_before_read, lease, identity;
  bool hit;
  do
  :: reads < READS ->
     d_step {
       reads++;
       promised_before_read = promised;
       identity = server
     };
     d_step {
       if
       :: REACHED(identity) && NAMED(identity).stored ->
          value = NAMED(identity).value;
          give(value);
          hit = true
       :: REACHED(identity) && !NAMED(identity).stored && NAMED(identity).lease == 0 ->
          leases++;
          lease = leases;
          NAMED(identity).lease = lease
       :: else /* busy, or the provider cannot be reached: a load without a fill */
       fi
     };
     if
     :: hit -> hit = false
     :: else ->
        value = database;
        d_step {
          /* When an older fill is under way still, that one is lost. */
          if
          :: lease != 0 ->
             late[c].value = value;
             late[c].lease = lease;
             late[c].identity = identity
          :: else
          fi;
          give(value)
        }
     fi
  :: else -> break
  od
}

proctype Network(byte c) {
end:
  do
  :: d_step {
       late[c].lease != 0 ->
       if
       :: REACHED(late[c].identity) && NAMED(late[c].identity).lease == late[c].lease ->
          NAMED(late[c].identity).stored = true;
          NAMED(late[c].identity).value = late[c].value;
          NAMED(late[c].identity).lease = 0
       :: else
       fi;
       late[c].value = 0;
       late[c].lease = 0;
       late[c].identity = 0
     }
  od
}

/* An invalidation that did not reach the server it was made for is made anew for the present one. */
proctype Change() {
  byte mine, identity;
  bool applied;
  d_step {
    commit(mine)
  };
  do
  :: !applied ->
     identity = server;
     d_step {
       if
       :: REACHED(identity) ->
          NAMED(identity).stored = false;
          NAMED(identity).value = 0;
          NAMED(identity).lease = 0;
          promise(mine);
          mine = 0;
          applied = true
       :: else
       fi;
       identity = 0
     }
  :: else -> break
  od
}

/* For use within a step. */
#define COPY(to, from)                   \
  for (each : 0 .. IDENTITIES - 1) {     \
    to[each].stored = from[each].stored; \
    to[each].value = from[each].value;   \
    to[each].lease = from[each].lease    \
  }                                      \
  each = 0

/* Takes snapshots, and is replaced by the last of them. */
proctype Server() {
end:
  do
  :: d_step {
       true ->
       COPY(saved, space)
     }
  :: d_step {
#ifdef MUTANT_IDENTITY_COMES_BACK
       /* A server that was a replica meanwhile leads again, and was never restarted. */
       server = 1 - server;
#else
       server < IDENTITIES - 1 ->
       server++;
#endif
       COPY(space, saved)
     }
  od
}

init {
  atomic {
    run Reader(0);
    run Reader(1);
    run Change();
    run Network(0);
    run Network(1);
    run Server()
  }
}
