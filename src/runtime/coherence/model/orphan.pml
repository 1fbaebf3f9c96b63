/*
 * A change whose writer is no member: it dies at any step, or has lost its bus and goes on all the same. One process serves
 * from memory. It takes over what has no member for a writer, and so does a third process, each at any time from when it sees
 * the intent: the third waits for the first as a writer does, the first has nobody to wait for. Whoever is through deletes the
 * intent. That the third process must be waited for as well would only delay the others.
 *
 * A change is promised to the writer's caller when the writer returns, and to all (C-14) when its intent is deleted.
 *
 * stale: ADOPTNOW ADOPTBLANK DELETENOW
 */
#define CHANGES 1
#define MEMBERS 1
#define WAITERS 2
#define WRITER 0
#define THIRD 1

/* In the step in which its renewal was answered, which was after it applied what it saw. */
#define ADOPT(m) \
  if \
  :: saw[0] -> \
     intent[0] = false; \
     promised = 1 \
  :: else \
  fi

#ifdef MUTANT_ADOPTBLANK
/* The third process has forgotten what the intent is about, and says so to nobody. */
bool blank;
#define APPLY_TOLD(m) \
  if \
  :: !blank -> apply(m) \
  :: else \
  fi
#endif

#include "cluster.pml"

/* To die is to take no further step, which is a schedule like any other. */
proctype Change() {
  byte mine;
  d_step {
    commit(mine);
    intent[0] = true
  };
  d_step {
    look_and_tell(WRITER, 0, NOBODY)
  };
#ifdef MUTANT_DELETENOW
  intent[0] = false;
#endif
  do
  :: fence(WRITER, 0, 0)
  :: atomic {
       !WAITS(WRITER, 0) ->
       d_step {
         promise(mine);
         mine = 0;
         stop_waiting(WRITER)
       };
       break
     }
  od;
  intent[0] = false
}

inline finish() {
  intent[0] = false;
  promised = 1;
  stop_waiting(THIRD)
}

proctype Third() {
  do
#ifdef MUTANT_ADOPTNOW
  :: d_step {
       intent[0] -> finish()
     }
#else
  :: d_step {
       intent[0] -> look_and_tell(THIRD, 0, NOBODY)
#ifdef MUTANT_ADOPTBLANK
       ;
       blank = true
#endif
     };
     do
     :: fence(THIRD, 0, 0)
     :: atomic {
          !WAITS(THIRD, 0) ->
          d_step {
            finish()
          };
          break
        }
     od
#endif
  od
}

init {
  atomic {
    row[0] = true;
    known[0] = true;
    serves[0] = true;
    kept[0] = true;
    doomed[0] = true;
    run Member(0);
    run World(0);
    run Load(0);
    run Reader(0);
    run Change();
    run Third()
  }
}
