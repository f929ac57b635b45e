package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"sync"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Config says where a rehearsal's programs and notices go.
type Config struct {
	// Stdin, Stdout and Stderr are those of programs; nil is the null device. Files are handed
	// on as they are, so that a program on a terminal has it.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Notify is called with each notice, one at a time; nil drops them.
	Notify func(Notice)
}

// Rehearsal is one that is under way. It is safe for concurrent use.
type Rehearsal struct {
	helper *process
	client *rpc.Client
	// watched is closed once the last notice was passed on.
	watched chan struct{}
	close   func() error
	notify  func(Notice)
	saying  sync.Mutex // held while notify runs

	mu    sync.Mutex
	scene Scene
}

// Start builds a scene and returns it at work. ErrSystem: there are no rehearsals on this system.
// The context ends the rehearsal, too. Whoever starts one closes it.
func Start(ctx context.Context, scene Scene, cfg Config) (*Rehearsal, error) {
	helper, conn, err := startHelper(cfg)
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{helper: helper, client: rpc.NewClient(conn), watched: make(chan struct{}), notify: cfg.Notify, scene: scene}
	r.close = sync.OnceValue(r.end)
	context.AfterFunc(ctx, func() { _ = r.close() })
	if err := r.call(ctx, "Up", scene, &struct{}{}); err != nil {
		close(r.watched)
		return nil, errors.Join(err, r.close())
	}
	go r.watch()
	return r, nil
}

// call has the helper do something. It ends early with its context, and then the rehearsal
// ends.
func (r *Rehearsal) call(ctx context.Context, method string, args, reply any) error {
	done := r.client.Go("Helper."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case c := <-done.Done:
		var said rpc.ServerError
		switch {
		case c.Error == nil || errors.As(c.Error, &said):
			return c.Error
		case ctx.Err() != nil:
			return ctx.Err()
		}
		return fmt.Errorf("the rehearsal has ended: %w", errors.Join(c.Error, r.close()))
	}
}

// watch passes on what happens until the helper ends.
func (r *Rehearsal) watch() {
	defer close(r.watched)
	for {
		var notices []Notice
		if err := r.client.Call("Helper.Notices", struct{}{}, &notices); err != nil {
			return
		}
		for _, n := range notices {
			r.Notify(n)
		}
	}
}

// Notify passes on a notice as of the rehearsal itself.
func (r *Rehearsal) Notify(n Notice) {
	r.saying.Lock()
	defer r.saying.Unlock()
	if r.notify != nil {
		r.notify(n)
	}
}

// Ended is closed once nothing more happens in the rehearsal.
func (r *Rehearsal) Ended() <-chan struct{} { return r.watched }

// ErrOthers is the error where a scene has other machines or networks than the rehearsal began with.
var ErrOthers = errors.New("the machines or the networks of the plan are others now, and the rehearsal goes on with those that it began with; start it again to see them")

// ErrBroken is the error where an appliance of a rehearsal is not what it should be, and cannot be made so any more.
var ErrBroken = errors.New("an appliance of the rehearsal is in an unknown state, and the rehearsal has to be started again")

// Update makes the appliances what a new scene has, each at once. It changes no machine and no network:
// ErrOthers says that the new scene has others. After another error a part of it may be at work. After ErrBroken no update helps.
func (r *Rehearsal) Update(ctx context.Context, scene Scene) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.scene.sameShape(scene) {
		return ErrOthers
	}
	broken := ""
	if err := r.call(ctx, "Update", scene, &broken); err != nil {
		return err
	}
	if broken != "" {
		return fmt.Errorf("%w: %s", ErrBroken, broken)
	}
	r.scene = scene
	return nil
}

// Scene returns what the rehearsal shows now.
func (r *Rehearsal) Scene() Scene {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.scene
}

// Exec runs a program as on a machine, with the rehearsal's input where input is set, and returns
// its exit status as a shell does: 127 for a program that there is not, 128 and the number of the
// signal that ended it.
func (r *Rehearsal) Exec(ctx context.Context, machine string, program []string, input bool) (status int, err error) {
	m, err := r.Scene().machine(machine)
	if err != nil {
		return 0, err
	}
	err = r.call(ctx, "Exec", ExecArgs{Machine: m.Name, Program: program, Input: input}, &status)
	return status, err
}

// ExecArgs are a program and where it runs.
type ExecArgs struct {
	Machine string
	Program []string
	// Input says that the program gets the rehearsal's input, and not the null device.
	Input bool
}

// Check tries checks, all at once, and returns their outcomes in their order. The error lists every
// check that cannot be tried; fields begin with "questions[N]".
func (r *Rehearsal) Check(ctx context.Context, checks []vcc.Check) ([]Outcome, error) {
	tries, err := r.Scene().tries(checks)
	if err != nil {
		return nil, err
	}
	var outcomes []TryOutcome
	if err := r.call(ctx, "Try", tries, &outcomes); err != nil {
		return nil, err
	}
	return judge(checks, tries, outcomes), nil
}

// Close ends the rehearsal with all that runs in it. The last notices are passed on before, and none
// afterwards.
func (r *Rehearsal) Close() error {
	_ = r.client.Call("Helper.Finish", struct{}{}, &struct{}{}) // which fails where it has ended
	<-r.watched
	return r.close()
}

// end ends the helper, and waits for that. Nothing is told any more.
func (r *Rehearsal) end() error {
	r.saying.Lock()
	r.notify = nil
	r.saying.Unlock()
	_ = r.client.Close()
	return r.helper.wait()
}
