/*
 * Two processes, A and B, over one provider, with validated reads: every read asks the provider, no local entry is trusted.
 * One reader in each; joining is in join.pml. Two changes, each of the key or of its family, in either process, whose
 * invalidations may take any time to be applied; until then they are promised in their own process alone.
 *
 * stale: HIT_IGNORES_TOKENS FILL_IGNORES_LEASE FILL_IGNORES_FAMILY_TOKEN ABSENT_EQUALS_ABSENT TOKEN_REUSED LEASE_REUSED
 * stale: KEY_DROP_KEEPS_LEASE KEY_DROP_IN_TWO_STEPS SNAPSHOT_BEFORE_FETCH NO_FENCE_WHILE_QUEUED FENCE_IS_A_FLAG
 * stale: RETURNS_BEFORE_APPLIED INVALIDATE_BEFORE_COMMIT
 * variants: BUSY_FILLS
 */
#include "promise.pml"

#define A 0
#define B 1
#define CLIENTS 2
#define READS 2

#include "provider.pml"

byte fences[CLIENTS];        /* invalidations of this client that were not applied yet: its reads bypass the provider */
byte promised_here[CLIENTS]; /* to the client's own readers */

bool first_committed;

/* Within a step: the read is over. */
inline give(value) {
  assert(value >= promised_before_read);
  assert(value >= promised_here_before_read);
  value = 0;
  outcome = 0;
  promised_before_read = 0;
  promised_here_before_read = 0;
  held_lease[c] = ABSENT;
  held_family[c] = ABSENT
}

/*
 * A fetch that fails, applied or not, need not be drawn: it is followed by a load without a fill, as is a fetch whose fill
 * gets lost.
 */
proctype Reader(byte c) {
  byte reads, value, promised_before_read, promised_here_before_read;
  mtype outcome;
  do
  :: reads < READS ->
     d_step {
       reads++;
       promised_before_read = promised;
       promised_here_before_read = promised_here[c];
       outcome = (fences[c] > 0 -> none : 0)
     };
#ifdef MUTANT_SNAPSHOT_BEFORE_FETCH
     value = database;
#endif
     d_step {
       if
       :: outcome != none -> fetch(outcome, value, held_lease[c], held_family[c])
       :: else
       fi;
       if
       :: outcome == hit -> give(value)
#ifndef VARIANT_BUSY_FILLS
       :: outcome == busy ->
          outcome = none;
          held_lease[c] = ABSENT;
          held_family[c] = ABSENT
#endif
       :: else
       fi
     };
     if
     :: outcome != 0 ->
        /* The load. Its fill is under way as soon as it has its snapshot, since a fill may be late by any time. */
        atomic {
#ifndef MUTANT_SNAPSHOT_BEFORE_FETCH
          value = database;
#endif
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

#if defined(MUTANT_NO_FENCE_WHILE_QUEUED)
#define RAISE_FENCE(c)
#define LOWER_FENCE(c)
#elif defined(MUTANT_FENCE_IS_A_FLAG)
#define RAISE_FENCE(c) fences[c] = 1;
#define LOWER_FENCE(c) fences[c] = 0;
#else
#define RAISE_FENCE(c) fences[c]++;
#define LOWER_FENCE(c) fences[c]--;
#endif

/*
 * A change may return to its caller as queued once the fence is up, so from there on it is promised to its own process,
 * whether it waits longer or not. The clients are alike, so the change that commits first is in A.
 */
proctype Change(bool first) {
  byte mine, c = A;
  bool of_family;
  if
  :: first
  :: !first && first_committed
  :: !first && first_committed -> c = B
  fi;
  if
  :: of_family = true
  :: skip
  fi;
#ifndef MUTANT_INVALIDATE_BEFORE_COMMIT
  d_step {
    commit(mine);
    first_committed = true
  };
#endif
  d_step {
    RAISE_FENCE(c)
#ifdef MUTANT_RETURNS_BEFORE_APPLIED
    promise(mine);
#endif
    promised_here[c] = (mine > promised_here[c] -> mine : promised_here[c])
  };
  /* However often it is tried, it is applied at some time; applied twice, it is one more loss at the provider. */
#ifdef MUTANT_KEY_DROP_IN_TWO_STEPS
  d_step {
    if
    :: !of_family -> drop_entry()
    :: else
    fi
  };
#endif
  d_step {
#ifdef MUTANT_KEY_DROP_IN_TWO_STEPS
    if
    :: !of_family -> lose_lease()
    :: else -> lose_family()
    fi;
#else
    apply_drop(of_family);
#endif
    promise(mine)
  };
#ifdef MUTANT_INVALIDATE_BEFORE_COMMIT
  d_step {
    commit(mine);
    first_committed = true;
    promise(mine)
  };
#endif
  d_step {
    LOWER_FENCE(c)
    mine = 0;
    c = 0;
    of_family = false
  }
}

init {
  atomic {
    run Reader(A);
    run Reader(B);
    run Change(true);
    run Change(false);
    run Network(A);
    run Network(B);
    run Loss();
    run Sibling()
  }
}
