package vcc

import (
	"fmt"
)

// Check checks a lab whole, and lists everything that is wrong. Fields are paths in the lab
// file's spelling, such as "tenants[0].subscriptions[1]".
//
// unread are the errors about values that could not be read at all, with their paths, and
// stand first in the list. Such a value is the zero value in the lab, and Check says nothing
// about what follows from that.
func (l Lab) Check(unread ...error) (ValidLab, error) {
	l = l.Respelled(nil, nil, nil)
	c := &labCheck{
		lab:    l,
		hosts:  newDeclared(names(l.Hosts, func(h Host) string { return h.Name })),
		plans:  newDeclared(names(l.HardwarePlans, func(p LabHardwarePlan) string { return p.Name })),
		unread: map[string]bool{},
	}
	for _, err := range unread {
		for _, e := range Errors(err) {
			c.errorList = append(c.errorList, e)
			c.markUnread(e.Field)
		}
	}
	c.name("service_provider.name", l.ServiceProvider.Name)
	c.checkHosts()
	c.checkHardwarePlans()
	c.checkTenants()
	if err := c.err(); err != nil {
		return ValidLab{}, err
	}
	return ValidLab{lab: l}, nil
}

// labCheck collects what is wrong with a lab. The checks of each noun are in that noun's
// file.
type labCheck struct {
	errorList
	lab Lab
	// hosts and plans are the names of those declared.
	hosts, plans declared
	// unread are the fields of values that could not be read, with those of what they are part of.
	unread map[string]bool
}

// declared are the names of one kind, for many references to them.
type declared struct {
	list  []string
	index map[string]int // of the first of each name
}

func newDeclared(list []string) declared {
	d := declared{list, make(map[string]int, len(list))}
	for i, name := range list {
		if _, twice := d.index[name]; !twice {
			d.index[name] = i
		}
	}
	return d
}

// markUnread notes the field of a value that could not be read.
func (c *labCheck) markUnread(field string) {
	c.unread[field] = true
	for i, r := range field {
		if r == '.' || r == '[' {
			c.unread[field[:i]] = true
		}
	}
}

// isUnread reports whether a value, or a part of it, could not be read, so that its error
// is listed already.
func (c *labCheck) isUnread(field string) bool { return c.unread[field] }

// enough reports whether there are more errors than anybody is shown, so that another may say less:
// it takes long to find what would be right.
func (c *labCheck) enough() bool { return len(c.errorList) > MaxListed }

// under adds every error of err with its field below parent.
func (c *labCheck) under(parent string, err error) {
	if err != nil {
		c.errorList = append(c.errorList, Within(parent, err))
	}
}

func (c *labCheck) name(field, name string) { c.under(field, ValidateName(name)) }

// unique checks a name and that no other of its kind has it. earlier has the fields of those
// before it, by their normal form.
func (c *labCheck) unique(field, name string, earlier map[string]string) {
	c.name(field, name)
	key := NormalName(name)
	if other, taken := earlier[key]; taken {
		c.add(field, "%q is at %s already; it must be unique", name, other)
		return
	}
	earlier[key] = field
}

// known checks that a name is one of those declared.
func (c *labCheck) known(field, kind, name string, names declared) bool {
	if _, known := names.index[name]; known {
		return true
	}
	switch {
	case len(names.list) == 0:
		c.add(field, "there is no %s %q; none is declared", kind, name)
	case c.enough() || len(name) > MaxName:
		c.add(field, "there is no %s %q", kind, name)
	default:
		c.add(field, "there is no %s %q; %s", kind, name, prose(DidYouMean(name, names.list)))
	}
	return false
}

// checkVMs checks a list of VMs against those declared.
func (c *labCheck) checkVMs(field string, listed []string, vms declared) {
	if len(listed) == 0 {
		c.add(field, "at least one VM is required")
	}
	earlier := map[string]string{}
	for i, name := range listed {
		at := fmt.Sprintf("%s[%d]", field, i)
		if c.known(at, "VM", name, vms) {
			c.unique(at, name, earlier)
		}
	}
}

func (c *labCheck) checkPasswords(passwords map[string]string) {
	for i, t := range c.lab.Tenants {
		if password, given := passwords[t.Username]; given {
			c.under(fmt.Sprintf("tenants[%d].password_env", i), ValidatePassword(password))
		}
	}
}

// names lists the names of things.
func names[T any](all []T, name func(T) string) []string {
	list := make([]string, len(all))
	for i, t := range all {
		list[i] = name(t)
	}
	return list
}
