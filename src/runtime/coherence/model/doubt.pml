/*
 * A COMMIT whose answer got lost, so that its writer, which serves from memory itself, does not know whether it took effect,
 * or will: the server may be busy with it still. Its caller is told of an error, and nothing is promised to him. But once the
 * change is settled and has taken effect, nobody may go on with the state before it. A member finds the intents of others in its
 * renewals, so only the writer's own memory is looked at here; how others are waited for is in lease.pml.
 *
 * The writer first has a statement of its own wait until the server is through with the COMMIT: it inserts the intent again.
 *
 * stale: NOBARRIER APPLYBEFORE
 */
#define CHANGES 1
#define MEMBERS 1
#define WAITERS 1

#include "cluster.pml"

bool sent, undecided, settled;

proctype Server() {
  sent;
  if
  :: d_step {
       commit(i);
       i = 0;
       intent[0] = true;
       undecided = false;
       if
       :: settled -> promised = 1
       :: else
       fi
     }
  :: undecided = false /* rolled back */
  fi
}

proctype Change() {
  d_step {
    sent = true;
    undecided = true
  };
#ifdef MUTANT_APPLYBEFORE
  d_step {
    apply(0)
  };
#endif
#ifndef MUTANT_NOBARRIER
  !undecided;
#endif
#ifndef MUTANT_APPLYBEFORE
  d_step {
    apply(0)
  };
#endif
  d_step {
    settled = true;
    promised = database;
    intent[0] = false
  }
}

init {
  atomic {
    row[0] = true;
    serves[0] = true;
    kept[0] = true;
    doomed[0] = true;
    run Load(0);
    run Reader(0);
    run Change();
    run Server()
  }
}
