package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// RehearsalServices are what a rehearsal asks a backend, embedded or served.
type RehearsalServices interface {
	vcc.ApplianceService
	vcc.FailoverService
}

// Rehearse starts a rehearsal of a failover plan with what is stored now. A change of that reaches
// it at once: cfg.Notify is told of each, of a VM that is missing, and of what people should know of
// the appliances before they rely on them. Whoever calls it closes the rehearsal.
//
// The errors are those of the services and of rehearsal.Start.
func Rehearse(ctx context.Context, services RehearsalServices, as vcc.Actor, plan vcc.FailoverPlan, cfg rehearsal.Config) (*rehearsal.Rehearsal, error) {
	f := &follower{services: services, as: as, planID: plan.ID}
	scene, problems, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	r, err := rehearsal.Start(ctx, scene, cfg)
	if err != nil {
		return nil, err
	}
	f.tell(r, problems)
	go f.follow(ctx, r)
	return r, nil
}

// followEvery is how often a rehearsal asks whether anything has changed. The answer is small. After an error it reads
// everything again, each time after twice the pause, up to followAtLeast.
const (
	followEvery   = 200 * time.Millisecond
	followAtLeast = 10 * time.Second
)

// follower keeps a rehearsal as what is stored.
type follower struct {
	services RehearsalServices
	as       vcc.Actor
	planID   string

	sources []vcc.ApplianceSources
	told    []string // of problems, since they were others
}

// follow ends with the rehearsal, or where that can follow no more.
func (f *follower) follow(ctx context.Context, r *rehearsal.Rehearsal) {
	lost := ""
	for pause, goesOn := followEvery, true; goesOn; {
		select {
		case <-ctx.Done():
			return
		case <-r.Ended():
			return
		case <-time.After(pause):
		}
		err := f.once(ctx, r)
		if ctx.Err() != nil {
			return
		}
		text := ""
		if err != nil {
			text = fmt.Sprintf("what is stored cannot be followed: %v", err)
		}
		if text != "" && text != lost {
			r.Notify(rehearsal.Notice{Text: text})
		}
		lost = text
		pause, goesOn = afterwards(err, pause)
	}
}

// afterwards returns how long a rehearsal waits until it looks for a change again, and whether it does.
func afterwards(err error, pause time.Duration) (next time.Duration, goesOn bool) {
	switch {
	case err == nil, errors.Is(err, rehearsal.ErrOthers): // the latter it has taken notice of
		return followEvery, true
	case errors.Is(err, rehearsal.ErrBroken):
		return 0, false
	}
	return min(2*pause, followAtLeast), true
}

// once looks for a change and applies it.
func (f *follower) once(ctx context.Context, r *rehearsal.Rehearsal) error {
	changed, err := f.changed(ctx)
	if err != nil || !changed {
		return err
	}
	scene, problems, err := f.read(ctx)
	if err != nil {
		return err
	}
	if err := r.Update(ctx, scene); err != nil {
		if !errors.Is(err, rehearsal.ErrOthers) {
			f.sources[0].Version = "" // so that it is tried again
		}
		return err
	}
	r.Notify(rehearsal.Notice{Text: "what is stored has changed, and is at work now"})
	f.tell(r, problems)
	return nil
}

// tell passes on problems where they are others than before.
func (f *follower) tell(r *rehearsal.Rehearsal, problems []string) {
	if !slices.Equal(problems, f.told) {
		for _, text := range problems {
			r.Notify(rehearsal.Notice{Text: "problem: " + text})
		}
	}
	f.told = problems
}

// changed asks whether any of the sources has.
func (f *follower) changed(ctx context.Context) (bool, error) {
	for _, s := range f.sources {
		now, err := f.services.ApplianceSources(ctx, f.as, s.ID, s.Version)
		if err != nil || now != nil {
			return true, err
		}
	}
	return false, nil
}

// read reads the scene as it is stored now. The plan is read after what has versions, so that a
// change of it in between is seen the next time.
func (f *follower) read(ctx context.Context) (scene rehearsal.Scene, problems []string, err error) {
	sources, err := Sources(ctx, f.services, f.as)
	if err != nil {
		return scene, nil, err
	}
	plans, err := vcc.All(func(p vcc.Page) ([]vcc.FailoverPlan, int, error) { return f.services.FailoverPlans(ctx, f.as, p) })
	if err != nil {
		return scene, nil, err
	}
	i := slices.IndexFunc(plans, func(p vcc.FailoverPlan) bool { return p.ID == f.planID })
	if i < 0 {
		return scene, nil, errors.New("the failover plan is no longer there")
	}
	f.sources = sources
	scene, problems = rehearsal.NewScene(plans[i], UnderPlan(plans[i], sources))
	for _, p := range scene.Problems() {
		problems = append(problems, p.Message)
	}
	return scene, problems, nil
}
