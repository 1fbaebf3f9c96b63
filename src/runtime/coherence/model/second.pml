/*
 * The shared cache (Redis) behind the members, which lose no time over it but must not be misled by it: two processes that read
 * through it, one of which is a member from the start and one that joins at some time, and two changes elsewhere. A change
 * that cannot reach the shared cache says so, and whoever hears that, or finds its intent open when joining, reads past the
 * shared cache until somebody has applied it there. Only then is the intent deleted. How members are told is left to
 * lease.pml, what they keep in memory to told.pml of the cache, and more of the shared cache to shared.pml of the cache.
 *
 * Ids of intents are made before COMMIT, so the change that commits first may have the higher one: it has here.
 *
 * stale: NOBYPASS ABSENT ORDERED JOINBLIND DELETEEARLY SERVEFIRST
 */
#include "../../../../libs/cache/model/promise.pml"

#define CLIENTS 2
#define CHANGES 2
#define READS 2

#ifdef MUTANT_ABSENT
#define MUTANT_ABSENT_EQUALS_ABSENT
#endif
#include "../../../../libs/cache/model/provider.pml"

bool intent[CHANGES];
bool row[CLIENTS];    /* changes see it, and tell it */
bool serves[CLIENTS]; /* it reads through the shared cache */

typedef Bypass {
  bool due[CHANGES] /* what was not applied there when this client heard of it, and has not been since */
};
Bypass bypass[CLIENTS];
#define BYPASSES(c) (bypass[c].due[0] || bypass[c].due[1])

bool first_committed;

#ifdef MUTANT_ORDERED
byte newest; /* what the family's token says: the highest id of an intent that was applied */
#define ID(w) (CHANGES - w)
#endif

/* Within a step. */
inline apply_there() {
#ifdef MUTANT_ORDERED
  if
  :: ID(w) > newest ->
     newest = ID(w);
     lose_family()
  :: else
  fi
#else
  lose_family()
#endif
}

/* Within a step: the read is over. */
inline give(value) {
  assert(value >= promised_before_read);
  value = 0;
  outcome = 0;
  promised_before_read = 0;
  held_lease[c] = ABSENT;
  held_family[c] = ABSENT
}

proctype Reader(byte c) {
  byte reads, value, promised_before_read;
  mtype outcome;
  do
  :: reads < READS ->
     d_step {
       reads++;
       promised_before_read = promised;
       outcome = (!serves[c] || BYPASSES(c) -> none : 0)
     };
     d_step {
       if
       :: outcome != none -> fetch(outcome, value, held_lease[c], held_family[c])
       :: else
       fi;
       if
       :: outcome == hit -> give(value)
       :: outcome == busy ->
          outcome = none;
          held_lease[c] = ABSENT;
          held_family[c] = ABSENT
       :: else
       fi
     };
     if
     :: outcome != 0 ->
        atomic {
          value = database;
          if
          :: outcome != none -> send_fill(c, value, held_lease[c], held_family[c])
          :: else
          fi;
          give(value)
        }
     :: else
     fi
  :: else -> break
  od
}

proctype Join(byte c) {
  row[c] = true;
#ifdef MUTANT_SERVEFIRST
  serves[c] = true;
#endif
#ifndef MUTANT_JOINBLIND
  d_step {
    bypass[c].due[0] = bypass[c].due[0] || intent[0];
    bypass[c].due[1] = bypass[c].due[1] || intent[1]
  };
#endif
  serves[c] = true
}

#ifdef MUTANT_NOBYPASS
#define TELL(c)
#else
#define TELL(c) bypass[c].due[w] = bypass[c].due[w] || row[c] && !applied;
#endif

proctype Change(byte w) {
  byte mine;
  bool applied;
  w == 0 || first_committed;
  d_step {
    commit(mine);
    intent[w] = true;
    first_committed = true
  };
  if
  :: d_step {
       apply_there();
       applied = true
     }
  :: skip /* it cannot be reached from here */
  fi;
  d_step {
    TELL(0)
    TELL(1)
#ifdef MUTANT_DELETEEARLY
    intent[w] = false;
#endif
    promise(mine);
    mine = 0
  };
  /* By anyone who reaches it; each knows that at the earliest now. */
  d_step {
    if
    :: !applied -> apply_there()
    :: else
    fi;
    intent[w] = false;
    bypass[0].due[w] = false;
    bypass[1].due[w] = false;
    applied = false
  }
}

init {
  atomic {
    row[0] = true;
    serves[0] = true;
    run Reader(0);
    run Reader(1);
    run Join(1);
    run Change(0);
    run Change(1);
    run Network(0);
    run Network(1);
    run Loss();
    run Sibling()
  }
}
