import { describe, expect, it } from 'vitest';
import { FiqlError, parseFiql } from './fiql.js';

const FIELDS = ['id', 'state', 'user.name'];
const RESOURCE = { id: '7', state: 'active', user: { name: 'Ann' } };

describe(parseFiql.name, () => {
  it.each([
    { filter: 'id==7', matches: true },
    { filter: 'id==8', matches: false },
    { filter: 'id!=8', matches: true },
    { filter: 'id==8,state==active', matches: true },
    { filter: 'id==7;state==idle', matches: false },
    { filter: 'id==7,id==8;state==idle', matches: true },
    { filter: '(id==7,id==8);state==idle', matches: false },
    { filter: 'user.name==Ann', matches: true },
    { filter: 'user.name==', matches: false },
  ])('$filter: $matches', ({ filter, matches }) => {
    expect(parseFiql(filter, FIELDS)(RESOURCE)).toBe(matches);
  });

  it.each(['', 'id', 'id=7', 'id==7;', '(id==7', 'id==7)', 'phone==1', 'id==7 extra==1;'])(
    'refuses %s',
    (filter) => {
      expect(() => parseFiql(filter, FIELDS)).toThrow(FiqlError);
    },
  );
});
