/*
 * Two processes over one provider, each with a local cache whose entries are trusted, because every process is told of an
 * invalidation before it returns. The message says whether the provider has the invalidation already; where it has not,
 * whoever is told fences what is covered until it has. So an invalidation returns although the provider is out of reach.
 * How the message gets there (and what if a process does not hear it) is another protocol's matter.
 *
 * One change, in A. Local caches are drawn as one entry and one generation; local.pml looks at them closely.
 *
 * stale: TOLD_WITHOUT_FENCE FENCE_AFTER_RAISE FENCE_ASKED_BEFORE_STAMP RETURNS_BEFORE_TOLD LOCAL_STORE_UNGUARDED
 * stale: STAMP_AFTER_FETCH INVALIDATE_BEFORE_COMMIT
 */
#include "promise.pml"

#define A 0
#define B 1
#define CLIENTS 2
#define READS 2

#include "provider.pml"

byte generation[CLIENTS];
byte fences[CLIENTS];

typedef Entry {
  bool there;
  byte value;
  byte stamp
};
Entry kept[CLIENTS];

/* Within a step: the read is over; its value is stored locally when nothing was invalidated here since the stamp. */
inline give(value) {
  assert(value >= promised_before_read);
  if
#ifdef MUTANT_LOCAL_STORE_UNGUARDED
  :: true ->
     stamp = generation[c];
#else
  :: generation[c] == stamp ->
#endif
     kept[c].there = true;
     kept[c].value = value;
     kept[c].stamp = stamp
  :: else
  fi;
  value = 0;
  stamp = 0;
  outcome = 0;
  promised_before_read = 0;
  held_lease[c] = ABSENT;
  held_family[c] = ABSENT
}

/* A fetch that fails is followed by a load without a fill, as is one whose fill gets lost. */
proctype Reader(byte c) {
  byte reads, value, promised_before_read, stamp;
  mtype outcome;
  do
  :: reads < READS ->
     /* A local hit, which is over at once, or a miss, which notes its stamp. */
     d_step {
       reads++;
       promised_before_read = promised;
       if
       :: kept[c].there && kept[c].stamp == generation[c] ->
          assert(kept[c].value >= promised_before_read);
          promised_before_read = 0;
          outcome = hit
       :: else ->
          stamp = generation[c];
#ifdef MUTANT_FENCE_ASKED_BEFORE_STAMP
          outcome = (fences[c] > 0 -> none : 0)
#endif
       fi
     };
     if
     :: outcome == hit -> outcome = 0
     :: else ->
#ifdef MUTANT_FENCE_ASKED_BEFORE_STAMP
        stamp = generation[c];
#else
        outcome = (fences[c] > 0 -> none : 0);
#endif
        d_step {
          if
          :: outcome != none -> fetch(outcome, value, held_lease[c], held_family[c])
          :: else
          fi;
#ifdef MUTANT_STAMP_AFTER_FETCH
          stamp = generation[c];
#endif
          if
          :: outcome == busy ->
             outcome = none;
             held_lease[c] = ABSENT;
             held_family[c] = ABSENT
          :: else
          fi
        };
        if
        :: outcome == hit
        :: else ->
           atomic {
             value = database;
             if
             :: outcome == leased -> send_fill(c, value, held_lease[c], held_family[c])
             :: else
             fi
           }
        fi;
        d_step {
          give(value)
        }
     fi
  :: else -> break
  od
}

/* The clients are alike, so the change is in A. */
proctype Change() {
  byte mine, c = A;
  bool of_family, applied;
  if
  :: of_family = true
  :: skip
  fi;
#ifndef MUTANT_INVALIDATE_BEFORE_COMMIT
  d_step {
    commit(mine)
  };
#endif
#ifdef MUTANT_FENCE_AFTER_RAISE
  generation[c]++;
  fences[c]++;
#else
  d_step {
    generation[c]++;
    fences[c]++
  };
#endif
  if
  :: d_step {
       apply_drop(of_family);
       applied = true
     }
  :: skip /* not yet: the other will be told so */
  fi;
#ifdef MUTANT_RETURNS_BEFORE_TOLD
  d_step {
    promise(mine)
  };
#endif
  /* The other is told, and with that it returns. */
  d_step {
    generation[1 - c]++;
#ifndef MUTANT_TOLD_WITHOUT_FENCE
    if
    :: !applied -> fences[1 - c]++
    :: else
    fi;
#endif
#ifdef MUTANT_INVALIDATE_BEFORE_COMMIT
    commit(mine);
#endif
    promise(mine)
  };
  if
  :: applied
  :: else ->
     d_step {
       apply_drop(of_family)
     };
#ifndef MUTANT_TOLD_WITHOUT_FENCE
     fences[1 - c]--
#endif
  fi;
  d_step {
    fences[c]--;
    mine = 0;
    c = 0;
    of_family = false;
    applied = false
  }
}

init {
  atomic {
    run Reader(A);
    run Reader(B);
    run Change();
    run Network(A);
    run Network(B);
    run Loss();
    run Sibling()
  }
}
